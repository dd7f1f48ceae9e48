import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../../core/network/index.ts';
import { labOf, twoLayers } from '../shared/testing.ts';

/** 10 channels in all, with BN scales set by hand; 40 % are pruned. */
async function pruned(gammas: { a: number[]; b: number[] }, options = {}) {
  const lab = await labOf('slimming', twoLayers(4, 6), { budget: { kind: 'channels', keep: 0.6 }, options });
  lab.parameters.set('a.bn/gamma', Float32Array.from(gammas.a));
  lab.parameters.set('b.bn/gamma', Float32Array.from(gammas.b));
  return lab.run.decide(30, lab.start.structure);
}

describe('global ranking of |BN scales|', () => {
  test('10 channels at 40 %: exactly 4 go, where the code’s threshold would take a fifth', async () => {
    const { structure, reasons } = await pruned({ a: [0.9, -0.8, 0.2, 0.1], b: [0.7, 0.05, -0.6, 0.5, 0.3, 0.4] });
    expect(structure.channels).toMatchObject({ a: [0, 1], b: [0, 2, 3, 5] });
    expect(reasons.filter(({ fate }) => fate === 'pruned').length).toBe(4);
    const last = reasons.find(({ layer, channel }) => layer === 'b' && channel === 4);
    expect(last).toMatchObject({ fate: 'pruned', rank: 5, of: 6, globalRank: 7, globalOf: 10 });
    expect(last?.score).toBeCloseTo(0.3, 6);
    expect(last?.threshold).toBeCloseTo(0.4, 6);
    expect(last?.text).toBe(
      'Pruned: |BN scale| 0.300, rank 5 of 6 in its layer and 7 of 10 in all, cut at 0.400; the layer keeps 4 of 6.',
    );
    // The sign does not matter.
    expect(reasons.find(({ layer, channel }) => layer === 'a' && channel === 1)).toMatchObject({ globalRank: 2 });
  });

  test('a layer whose scales have faded keeps the floor, and says so', async () => {
    for (const minimum of [1, 2]) {
      const fading = { a: [0.01, 0.02, 0.03, 0.04], b: [1, 1, 1, 1, 1, 1] };
      const { structure, reasons } = await pruned(fading, { minimum });
      expect(structure.channels['a']).toEqual([0, 1, 2, 3].slice(4 - minimum));
      expect(structure.channels['b']?.length).toBe(6 - minimum);
      const kept = reasons.find(({ layer, channel }) => layer === 'a' && channel === 3);
      expect(kept?.text).toMatch(/cut at 1; the layer keeps \d of 4, its smallest width\.$/);
    }
  });

  test('local scope takes the same share of both layers', async () => {
    const { structure } = await pruned({ a: [0.1, 0.2, 0.3, 0.4], b: [1, 2, 3, 4, 5, 6] }, { scope: 'local' });
    expect([structure.channels['a'], structure.channels['b']].map((kept) => kept?.length)).toEqual([2, 4]);
  });
});

test('the penalty is on every BN scale until the last pruning, and gone afterwards', async () => {
  const options = { strength: 0.01, iterations: 2, at: 10, every: 10 };
  const { run, start, network } = await labOf('slimming', buildNetwork('resnet20', 0.25), { options });
  const norms = network.nodes.filter(({ op }) => op === 'batchNorm');
  const penalties = () => [...(run.rules?.() ?? [])];
  expect(penalties().map(([name]) => name)).toEqual(norms.map(({ id }) => `${id}/gamma`));
  expect(penalties()[0]?.[1]).toEqual({ penalty: { kind: 'l1', strength: 0.01 } });
  const { structure } = await run.decide(10, start.structure);
  expect(penalties().length).toBe(norms.length);
  await run.decide(20, structure);
  expect(penalties()).toEqual([]);
});

test('schemes without a penalty set no rules', async () => {
  expect((await labOf('magnitude', buildNetwork('convnet-micro'))).run.rules).toBeUndefined();
});
