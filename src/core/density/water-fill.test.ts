import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { densityLayers } from './layers.ts';
import { waterFill } from './water-fill.ts';

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const layersOf = (weights: readonly number[]) => weights.map((n) => ({ weights: n, macs: n }));

test('worked example B: three layers of the chain stay whole, the largest is cut to the level', () => {
  const { densities, level } = waterFill(layersOf([432, 4_608, 18_432, 640]), { weights: 12_056 });
  expect(level).toBeCloseTo(6_376, 6);
  expect(densities[2]).toBeCloseTo(0.34592, 6);
  expect([densities[0], densities[1], densities[3]]).toEqual([1, 1, 1]);
});

test('ResNet-20 at 0.1: the level and the densities of the table of section 5', () => {
  const layers = densityLayers(buildNetwork('resnet20'));
  const { densities, level } = waterFill(layers, { weights: 27_089.6 });
  expect(Math.round(level ?? 0)).toBe(1_342);
  const byLayer = new Map(layers.map(({ id }, l) => [id, (densities[l] ?? 0).toFixed(3)]));
  const expected = {
    stem: '1.000',
    'block1.conv1': '0.583',
    'block4.conv1': '0.291',
    'block4.conv2': '0.146',
    'block7.conv1': '0.073',
    'block9.conv2': '0.036',
    'block4.shortcut': '1.000',
    // 1342.4 / 2048: the table rounds twice, to 0.656.
    'block7.shortcut': '0.655',
    dense: '1.000',
  };
  for (const [layer, density] of Object.entries(expected)) expect(byLayer.get(layer), layer).toBe(density);
});

const someLayers = fc.array(
  fc.record({ weights: fc.integer({ min: 1, max: 40_000 }), macs: fc.integer({ min: 1, max: 900_000 }) }),
  { minLength: 1, maxLength: 12 },
);
const keep = fc.double({ min: 0.02, max: 1.2, noNaN: true });

describe('for any layers and budgets', () => {
  test('one budget is used up, every layer is whole or keeps the level, and more budget lowers no density', () => {
    fc.assert(
      fc.property(someLayers, keep, fc.constantFrom('weights' as const, 'macs' as const), (layers, share, kind) => {
        const total = sum(layers.map((layer) => layer[kind]));
        const { densities, level } = waterFill(layers, { [kind]: share * total });
        const kept = layers.map((layer, l) => layer[kind] * (densities[l] ?? 0));
        expect(sum(kept) / total).toBeCloseTo(Math.min(1, share), 9);
        densities.forEach((density, l) => {
          if (density < 1) expect((kept[l] ?? 0) / (level ?? 0)).toBeCloseTo(1, 9);
          else expect(level === null || (layers[l]?.[kind] ?? 0) <= level * (1 + 1e-9)).toBe(true);
        });
        const more = waterFill(layers, { [kind]: 1.1 * share * total }).densities;
        more.forEach((density, l) => expect(density).toBeGreaterThanOrEqual((densities[l] ?? 0) - 1e-12));
      }),
      { numRuns: 100 },
    );
  });

  test('two budgets: both hold, and no small exchange between two layers improves the sum of logarithms', () => {
    fc.assert(
      fc.property(someLayers, keep, keep, (layers, first, second) => {
        const budgets = {
          weights: first * sum(layers.map(({ weights }) => weights)),
          macs: second * sum(layers.map((layer) => layer.macs)),
        };
        const { densities } = waterFill(layers, budgets);
        const uses = (by: readonly number[]) => [
          sum(layers.map(({ weights }, l) => weights * (by[l] ?? 0))) / budgets.weights,
          sum(layers.map((layer, l) => layer.macs * (by[l] ?? 0))) / budgets.macs,
        ];
        expect(Math.max(...uses(densities))).toBeLessThanOrEqual(1 + 1e-9);
        const value = sum(densities.map(Math.log));
        for (const up of densities.keys()) {
          for (const down of densities.keys()) {
            // Concave: what no small step improves is the optimum.
            const other = densities.map((p, l) => p * (l === up ? 1.001 : 1) * (l === down ? 0.999 : 1));
            if (Math.max(...other) > 1 || Math.max(...uses(other)) > 1) continue;
            expect(sum(other.map(Math.log))).toBeLessThanOrEqual(value + 1e-5);
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

test('where both budgets bind there is no level; where one is slack it is that of the other', () => {
  const layers = [
    { weights: 100, macs: 900 },
    { weights: 800, macs: 100 },
  ];
  expect(waterFill(layers, { weights: 450, macs: 500 }).level).toBeNull();
  expect(waterFill(layers, { weights: 450, macs: 1_000 })).toEqual(waterFill(layers, { weights: 450 }));
  expect(waterFill(layers, { weights: 900, macs: 2_000 })).toEqual({ densities: [1, 1], level: null });
});

test('no budget, or none to speak of, is refused', () => {
  expect(() => waterFill([], {})).toThrow('needs a budget of weights or of multiply-adds');
  expect(() => waterFill(layersOf([1]), { macs: 0 })).toThrow('needs a budget of macs above 0, not 0');
});
