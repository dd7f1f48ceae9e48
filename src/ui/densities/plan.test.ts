import { describe, expect, test } from 'vitest';
import { countNetwork } from '../../core/network/index.ts';
import type { SchemeSpec } from '../../core/spec/spec.ts';
import { keepAtLevel, keptOf } from './bars.ts';
import { drawnNetworks } from './drawn-networks.ts';
import { cropOf, groundOf, levelOf, planOf, smallestKeep, unitOf, withKeep } from './plan.ts';
import { totalsOf } from './words.ts';

const resnet20 = groundOf({ id: 'resnet20', width: 1 });
const precrop = (keep: number, kind: 'parameters' | 'macs' = 'parameters'): SchemeSpec => ({
  id: 'precrop',
  densities: 'synexp',
  budget: { kind, keep },
});

test('the level and the share that it keeps are inverse, for weights and MACs', () => {
  for (const unit of ['weights', 'macs'] as const) {
    const wholes = resnet20.layers.map((layer) => layer[unit]);
    for (const keep of [0.1, 0.25, 0.5, 0.9]) {
      expect(keepAtLevel(wholes, levelOf(resnet20.layers, unit, keep))).toBeCloseTo(keep, 9);
    }
    expect(levelOf(resnet20.layers, unit, 1)).toBeCloseTo(Math.max(...wholes), 6);
  }
});

test('the plan at a tenth of the weights is flat at 1,342 weights a layer but for those that are smaller', () => {
  const { rows } = planOf(resnet20, precrop(0.1));
  const asked = rows.map(({ asked: density, weights }) => (density ?? 0) * weights);
  rows.forEach(({ weights }, index) => expect(asked[index]).toBeCloseTo(Math.min(weights, 1_342), -1));
});

test('what the plan keeps adds up to the counts of the network that it crops to, within the budget', () => {
  for (const scheme of [precrop(0.5), precrop(0.2), precrop(0.5, 'macs'), { ...precrop(0.3), densities: 'erk' }]) {
    const { rows } = planOf(resnet20, scheme);
    const solved = cropOf(resnet20, scheme);
    const { keptWeights, keptMacs } = totalsOf(rows);
    expect(keptWeights).toBe(solved?.weights);
    expect(keptMacs).toBeCloseTo(solved?.macs ?? 0, 3);
    const { kind, keep } = scheme.budget as { kind: string; keep: number };
    const whole = countNetwork(resnet20.network);
    expect(kind === 'macs' ? keptMacs : keptWeights).toBeLessThanOrEqual(
      keep * (kind === 'macs' ? whole.macs : whole.parameters),
    );
    expect(rows.every((row) => (keptOf(row, 'weights') ?? 0) <= row.weights)).toBe(true);
  }
});

describe('what a page cannot know', () => {
  test('scores of an unprepared network: the plan has layers without densities', () => {
    const scored = { ...precrop(0.5), densities: 'synflow' };
    expect(cropOf(resnet20, scored)).toBeNull();
    expect(planOf(resnet20, scored).rows.every(({ asked, kept }) => asked === null && kept === null)).toBe(true);
  });

  test('a budget below the smallest network is refused; the smallest share is met', () => {
    const smallest = smallestKeep(resnet20, precrop(0.5));
    expect(() => cropOf(resnet20, precrop(smallest))).not.toThrow();
    expect(() => cropOf(resnet20, precrop(smallest - 0.002))).toThrow(/smallest/);
  });
});

test('a share is set in the only budget; two budgets have no common level', () => {
  expect(withKeep(precrop(0.5, 'macs'), 0.3).budget).toEqual({ kind: 'macs', keep: 0.3 });
  expect(unitOf([{ kind: 'parameters', keep: 1 }])).toBe('weights');
  expect(
    unitOf([
      { kind: 'parameters', keep: 1 },
      { kind: 'macs', keep: 1 },
    ]),
  ).toBeNull();
});

test('drawn beside each other: the whole network, a crop within the budget, and PreConfig for as many weights and MACs', () => {
  const whole = countNetwork(resnet20.network);
  const [original, cropped, preConfig] = drawnNetworks(resnet20, precrop(0.5), null);
  expect(original).toMatchObject({ weights: whole.parameters, macs: whole.macs });
  expect(cropped?.weights).toBeLessThanOrEqual(whole.parameters / 2);
  const inner = (drawn = original): number[] =>
    drawn?.layers?.flatMap(({ layer, width }) => (layer.endsWith('conv1') ? [width] : [])) ?? [];
  expect(inner()).toEqual([16, 16, 16, 32, 32, 32, 64, 64, 64]);
  expect(inner(cropped)).toEqual([16, 16, 16, 32, 32, 32, 27, 19, 19]);
  expect(preConfig?.weights).toBeLessThanOrEqual(whole.parameters);
  expect(preConfig?.macs).toBeLessThanOrEqual(whole.macs);
  expect(Math.max(...inner(preConfig))).toBeGreaterThan(64);
});
