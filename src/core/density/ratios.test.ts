import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { densityLayers } from './layers.ts';
import { erk, uniform } from './ratios.ts';

const resnet20 = buildNetwork('resnet20');
const totalOf = (densities: ReadonlyMap<string, number>, network = resnet20): number =>
  densityLayers(network).reduce((sum, { id, weights }) => sum + weights * (densities.get(id) ?? 0), 0);

describe('ERK on ResNet-20', () => {
  test.each([
    // Worked example D, and the column of section 5.
    [
      0.2,
      4,
      {
        stem: 1,
        'block1.conv1': 0.5939,
        'block5.conv2': 0.2735,
        'block8.conv1': 0.1309,
        'block4.conv1': 0.422,
        'block7.conv1': 0.1993,
        'block4.shortcut': 1,
        'block7.shortcut': 1,
        dense: 1,
      },
    ],
    [
      0.1,
      3,
      {
        stem: 0.983,
        'block1.conv1': 0.28,
        'block5.conv2': 0.129,
        'block8.conv1': 0.062,
        'block4.conv1': 0.199,
        'block7.conv1': 0.094,
        'block4.shortcut': 1,
        'block7.shortcut': 0.813,
        dense: 1,
      },
    ],
  ])('at %f', (keep, digits, expected: Record<string, number>) => {
    const densities = erk(resnet20, keep);
    for (const [layer, density] of Object.entries(expected)) {
      expect(densities.get(layer)?.toFixed(digits), layer).toBe(density.toFixed(digits));
    }
  });

  test('for any share: the total is met, nothing exceeds 1, the rest is in proportion to sizes over product', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.01, max: 1, noNaN: true }), (keep) => {
        const densities = erk(resnet20, keep);
        // Up to one weight more for each of the 22 layers.
        expect(totalOf(densities)).toBeGreaterThan(keep * 270_896 - 1e-6);
        expect(totalOf(densities)).toBeLessThan(Math.min(270_896 + 1e-6, keep * 270_896 + 22));
        expect(Math.max(...densities.values())).toBeLessThanOrEqual(1 + 1e-12);
        const raw = (inputs: number, outputs: number) => (6 + inputs + outputs) / (9 * inputs * outputs);
        const scale = (layer: string, inputs: number, outputs: number) => {
          const density = densities.get(layer) ?? 1;
          return density < 1 - 1e-9 ? [density / raw(inputs, outputs)] : [];
        };
        const scales = [
          ...scale('block1.conv1', 16, 16),
          ...scale('block4.conv1', 16, 32),
          ...scale('block5.conv1', 32, 32),
          ...scale('block9.conv1', 64, 64),
        ];
        for (const one of scales) expect(one / (scales[0] ?? 1)).toBeCloseTo(1, 9);
      }),
      { numRuns: 50 },
    );
  });
});

test('a depthwise kernel reads one channel: its sizes are 3, 3, the channels and 1', () => {
  const network = buildNetwork('mobilenetv2-cifar');
  const densities = erk(network, 0.05);
  expect(totalOf(densities, network) / totalOf(uniform(network, 1), network)).toBeCloseTo(0.05, 4);
  const wide = densities.get('block16.depthwise') ?? 0;
  const project = densities.get('block16.project') ?? 0;
  expect(wide / project).toBeCloseTo(967 / 8_640 / (1_122 / 153_600), 6);
  expect(project / (densities.get('head') ?? 0)).toBeCloseTo(1_122 / 153_600 / (1_602 / 409_600), 6);
});

test('uniform gives every layer the share', () => {
  const densities = uniform(resnet20, 0.3);
  expect(new Set(densities.values())).toEqual(new Set([0.3]));
  expect([...densities.keys()]).toEqual(densityLayers(resnet20).map(({ id }) => id));
});
