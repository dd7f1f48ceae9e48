import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork, denseStructure } from '../../core/network/index.ts';
import { l1Norms } from '../shared/l1-norm.ts';
import { cuttableLayers } from '../shared/layers.ts';
import { labOf, twoLayers } from '../shared/testing.ts';

const firstOf = (network: ReturnType<typeof twoLayers>) => {
  const [layer] = cuttableLayers(network);
  if (!layer) throw new Error('no layer');
  return layer;
};

test('scaling a filter by a > 0 scales its score by a', () => {
  const network = twoLayers(4, 2, 3);
  const weight = fc.integer({ min: -50, max: 50 });
  fc.assert(
    fc.property(
      fc.array(weight, { minLength: 12, maxLength: 12 }),
      fc.nat({ max: 3 }),
      fc.constantFrom(0.25, 0.5, 2, 8),
      (weights, filter, factor) => {
        const scoresOf = (kernel: number[]) =>
          l1Norms(firstOf(network), new Map([['a/kernel', Float32Array.from(kernel)]]), denseStructure(network));
        const before = scoresOf(weights);
        const after = scoresOf(weights.map((value, i) => (i % 4 === filter ? factor * value : value)));
        before.forEach((score, channel) => expect(after[channel]).toBe(channel === filter ? factor * score : score));
      },
    ),
  );
});

describe('greedy and independent', () => {
  /** Filter 0 of b is large only through channel 0 of a, which is the smallest there and goes. */
  const kernels = {
    'a/kernel': [0.1, 2, 3, 4, 0.1, 2, 3, 4],
    'b/kernel': [9, 1, 0, 0.5, 0, 1, 0, 0, 0, 1, 0.1, 1, 1, 1, 0, 1],
  };
  const keptWith = async (inputs: string, keep = 0.75) => {
    const { run, parameters, start } = await labOf('magnitude', twoLayers(4, 4), {
      budget: { kind: 'channels', keep },
      options: { inputs },
    });
    for (const [name, values] of Object.entries(kernels)) parameters.set(name, Float32Array.from(values));
    return run.decide(30, start.structure);
  };

  test('agree in the first layer and differ where inputs were pruned just before', async () => {
    const [greedy, independent] = [await keptWith('greedy'), await keptWith('independent')];
    const scores = (decision: typeof greedy, own: string) =>
      decision.reasons.filter(({ layer }) => layer === own).map(({ score }) => score);
    expect(greedy.structure.channels['a']).toEqual([1, 2, 3]);
    expect(scores(greedy, 'a')).toEqual(scores(independent, 'a'));
    expect(scores(independent, 'b').map((score) => score?.toFixed(1))).toEqual(['10.0', '4.0', '0.1', '2.5']);
    expect(scores(greedy, 'b').map((score) => score?.toFixed(1))).toEqual(['1.0', '3.0', '0.1', '2.0']);
  });

  test('choose different channels when it matters', async () => {
    expect((await keptWith('independent', 0.5)).structure.channels['b']).toEqual([0, 1]);
    expect((await keptWith('greedy', 0.5)).structure.channels['b']).toEqual([1, 3]);
  });
});

test('layers tied by additions are scored by the mean of their filters', async () => {
  const network = buildNetwork('resnet20', 0.25);
  const { run, parameters, start } = await labOf('magnitude', network);
  const decision = await run.decide(30, start.structure);
  const stream = decision.reasons.find(({ layer, channel }) => layer === 'stem' && channel === 2);
  expect(stream?.tied).toEqual(['block1.conv2', 'block2.conv2', 'block3.conv2']);
  // The stem alone reads what no layer before it has lost; the others read inner widths, which are decided later.
  const norm = (name: string): number =>
    (parameters.get(name) ?? new Float32Array()).reduce((sum, w, i) => sum + (i % 4 === 2 ? Math.abs(w) : 0), 0);
  const names = ['stem', 'block1.conv2', 'block2.conv2', 'block3.conv2'];
  const mean = names.reduce((sum, name) => sum + norm(`${name}/kernel`), 0) / 4;
  expect(stream?.score).toBeCloseTo(mean, 5);
  expect(stream?.text).toContain('Tied by additions to 3 other convolutions.');
});

test('ties go to the lower channel', async () => {
  const { run, parameters, start } = await labOf('magnitude', twoLayers(6, 4));
  parameters.get('a/kernel')?.fill(-1);
  expect((await run.decide(30, start.structure)).structure.channels['a']).toEqual([0, 1, 2]);
});
