import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Network, ZOO, buildNetwork, countNetwork, countStructure, groupsOf } from '../../core/network/index.ts';
import { type Candidate, allocate, channelsToKeep } from './allocate.ts';

/** All cuttable groups, with scores from `scoreOf`. */
function candidatesOf(network: Network, minimum: number, scoreOf: (index: number) => number): Candidate[] {
  let index = 0;
  return groupsOf(network)
    .filter(({ cuttable }) => cuttable)
    .map((group) => ({
      group,
      minimum,
      scores: Float32Array.from({ length: group.channels }, () => scoreOf(index++)),
    }));
}

/** Two layers of four channels with given scores. */
const network: Network = {
  id: 'two',
  nodes: [
    { id: 'input', op: 'input', shape: [4, 4, 3] },
    { id: 'a', op: 'conv', input: 'input', filters: 4, kernel: 3, stride: 1 },
    { id: 'b', op: 'conv', input: 'a', filters: 4, kernel: 3, stride: 1 },
    { id: 'pool', op: 'globalAvgPool', input: 'b' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};
const SCORES = [0.9, 0.1, 0.5, 0.4, 0.8, 0.7, 0.05, 0.6];
const widths = (minimum: number, keep: number, scores = SCORES): number[] => [
  ...allocate(
    network,
    candidatesOf(network, minimum, (i) => scores[i] ?? 0),
    { kind: 'channels', keep },
  ).values(),
];

describe('channels', () => {
  test('worked example B of the CHEX digest: 1 and 3', () => {
    expect(widths(1, 0.5)).toEqual([1, 3]);
  });

  test('a minimum takes from the smallest scores elsewhere', () => {
    expect(widths(2, 0.5)).toEqual([2, 2]);
    expect(widths(4, 1)).toEqual([4, 4]);
    expect(() => widths(3, 0.5)).toThrow('scheme.budget.keep: 0.5 of the channels');
  });

  test('a maximum passes what a layer cannot keep on to the others', () => {
    const [a, b] = candidatesOf(network, 1, (i) => SCORES[i] ?? 0);
    if (!a || !b) throw new Error('two layers');
    const counts = allocate(network, [a, { ...b, maximum: 2 }], { kind: 'channels', keep: 0.5 });
    expect([...counts.values()]).toEqual([2, 2]);
  });

  test('ties go to the lower layer', () => {
    expect(widths(1, 0.75, [1, 1, 1, 1, 1, 1, 1, 1])).toEqual([4, 2]);
  });

  test('floating point never gains or loses a channel', () => {
    expect(channelsToKeep(10, 1 - 0.9)).toBe(1);
    expect(channelsToKeep(10, 0.9)).toBe(9);
    expect(channelsToKeep(72, 0.55)).toBe(40);
    for (let total = 1; total <= 200; total++) {
      for (let kept = 1; kept <= total; kept++) {
        expect(channelsToKeep(total, kept / total)).toBe(kept);
        expect(channelsToKeep(total, 1 - (total - kept) / total)).toBe(kept);
      }
    }
  });

  test('exactly ceil(keep * M), the best of them, for any scores', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZOO.map(({ id }) => id)),
        fc.integer({ min: 15, max: 100 }),
        fc.infiniteStream(fc.double({ min: 0, max: 2, noNaN: true })),
        (id, percent, stream) => {
          const zoo = buildNetwork(id);
          const candidates = candidatesOf(zoo, 1, () => stream.next().value ?? 0);
          const counts = allocate(zoo, candidates, { kind: 'channels', keep: percent / 100 });
          const total = candidates.reduce((sum, { group }) => sum + group.channels, 0);
          const kept = [...counts.values()].reduce((a, b) => a + b, 0);
          expect(kept).toBe(Math.ceil((percent * total) / 100));
          // No channel left out beats one taken beyond a layer's minimum.
          const sorted = candidates.map(({ group, scores }) => ({
            count: counts.get(group.id) ?? 0,
            scores: Array.from(scores).sort((a, b) => b - a),
          }));
          const worstTaken = Math.min(...sorted.flatMap(({ count, scores }) => scores.slice(1, count)));
          const bestLeft = Math.max(...sorted.flatMap(({ count, scores }) => scores.slice(count)));
          if (kept > candidates.length && kept < total) expect(bestLeft).toBeLessThanOrEqual(worstTaken);
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('MACs and parameters', () => {
  test('are never exceeded, and one more channel anywhere would exceed them', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...ZOO.map(({ id }) => id)),
        fc.constantFrom<'macs' | 'parameters'>('macs', 'parameters'),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.infiniteStream(fc.double({ min: 0, max: 2, noNaN: true })),
        (id, kind, keep, stream) => {
          const zoo = buildNetwork(id);
          const candidates = candidatesOf(zoo, 1, () => stream.next().value ?? 0);
          const counts = allocate(zoo, candidates, { kind, keep });
          const limit = keep * countNetwork(zoo)[kind];
          const total = (group?: string): number => {
            const channels = [...counts].map(([key, count]) => [key, [...Array(count + Number(key === group)).keys()]]);
            return countStructure(zoo, { channels: Object.fromEntries(channels) })[kind];
          };
          expect(total()).toBeLessThanOrEqual(limit);
          for (const { group } of candidates) {
            if (counts.get(group.id) !== group.channels) expect(total(group.id)).toBeGreaterThan(limit);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test('the whole budget keeps everything', () => {
    for (const { id } of ZOO) {
      const zoo = buildNetwork(id);
      const candidates = candidatesOf(zoo, 1, () => 0);
      for (const kind of ['channels', 'macs', 'parameters'] as const) {
        const counts = allocate(zoo, candidates, { kind, keep: 1 });
        expect([...counts.values()]).toEqual(candidates.map(({ group }) => group.channels));
      }
    }
  });

  test('an impossible budget names the smallest share that works', () => {
    const zoo = buildNetwork('resnet20');
    const inner = candidatesOf(zoo, 1, () => 0).filter(({ group }) => group.producers.length === 1);
    let message = '';
    try {
      allocate(zoo, inner, { kind: 'macs', keep: 0.001 });
    } catch (error) {
      message = String(error);
    }
    const smallest = Number(/smallest possible share is ([\d.]+)$/.exec(message)?.[1]);
    expect(() => allocate(zoo, inner, { kind: 'macs', keep: smallest })).not.toThrow();
    expect(() => allocate(zoo, inner, { kind: 'macs', keep: smallest - 0.001 })).toThrow('scheme.budget.keep');
  });
});
