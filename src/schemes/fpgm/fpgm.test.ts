import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { l1Norm } from '../shared/columns.ts';
import { ranking } from '../shared/ranking.ts';
import { labOf, prunings, twoLayers } from '../shared/testing.ts';
import { distanceSums } from './distance.ts';

/** The digest's worked example (related.md 4.3). */
const POINTS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [4, 4],
  [0.5, 0.5],
];
const all = [0, 1, 2, 3, 4];

describe('sums of distances', () => {
  test('of the five points of the worked example', () => {
    const sums = distanceSums(POINTS, all);
    [8.364, 8.121, 8.121, 20.607, 7.071].forEach((sum, i) => expect(sums[i]).toBeCloseTo(sum, 3));
    // What goes first: here the last point, by its norm the first.
    expect(ranking(sums).at(-1)).toBe(4);
    expect(ranking(POINTS.map(l1Norm)).at(-1)).toBe(0);
  });

  test('only count the columns that are on', () => {
    const sums = distanceSums(POINTS, [0, 1, 4]);
    expect(sums[0]).toBeCloseTo(1 + Math.SQRT1_2, 12);
    expect([sums[2], sums[3]]).toEqual([0, 0]);
  });

  test('do not change when the same vector is added to every filter', () => {
    const number = fc.integer({ min: -100, max: 100 });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(number, number, number), { minLength: 2, maxLength: 12 }),
        fc.tuple(number, number, number),
        (filters, shift) => {
          const moved = filters.map((filter) => filter.map((value, k) => value + (shift[k] ?? 0)));
          const active = [...filters.keys()];
          expect(distanceSums(moved, active)).toEqual(distanceSums(filters, active));
        },
      ),
    );
  });
});

test('a run prunes the filter nearest to the others, where the L1 norm prunes the smallest', async () => {
  const pruned = async (id: string) => {
    const lab = await labOf(id, twoLayers(5, 5), { budget: { kind: 'channels', keep: 0.8 } });
    // Kernels are [1, 1, in, out]: filter f is column f.
    const columns = [0, 1].flatMap((input) => POINTS.map((point) => point[input] ?? 0));
    lab.parameters.set('a/kernel', Float32Array.from(columns));
    const decision = await lab.run.decide(30, lab.start.structure);
    return decision.reasons.filter(({ layer, fate }) => layer === 'a' && fate === 'pruned');
  };
  const [byMedian] = await pruned('fpgm');
  expect(byMedian).toMatchObject({ channel: 4, rank: 5, of: 5 });
  expect(byMedian?.score).toBeCloseTo(7.071, 3);
  expect(byMedian?.threshold).toBeCloseTo(8.121, 3);
  expect(byMedian?.text).toBe(
    'Pruned: distance to the other filters 7.071, rank 5 of 5 in its layer; ' +
      'the layer keeps 4 of 5, down to distance to the other filters 8.121.',
  );
  expect((await pruned('magnitude'))[0]).toMatchObject({ channel: 0, score: 0 });
});

test('filters and inputs that were pruned before no longer count', async () => {
  const lab = await labOf('fpgm', twoLayers(4, 5), { options: { iterations: 2, at: 10, every: 10 } });
  const [, second] = await prunings(lab);
  const { a: inputs = [], b: filters = [] } = second?.before.channels ?? {};
  expect([inputs.length, filters.length]).toEqual([3, 4]);
  const kernel = lab.parameters.get('b/kernel') ?? new Float32Array();
  const weight = (input: number, filter: number): number => kernel[input * 5 + filter] ?? NaN;
  for (const { layer, channel, score } of second?.decision.reasons ?? []) {
    if (layer !== 'b' || !filters.includes(channel)) continue;
    const distances = filters.map((other) =>
      Math.hypot(...inputs.map((input) => weight(input, channel) - weight(input, other))),
    );
    expect(score).toBeCloseTo(
      distances.reduce((sum, distance) => sum + distance, 0),
      9,
    );
  }
});
