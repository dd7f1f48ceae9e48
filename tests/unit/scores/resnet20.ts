import { expect } from 'vitest';
import { buildNetwork, initialParameters } from '../../../src/core/network/index.ts';
import type { Engine } from '../../../src/engine/engine.ts';
import { scoreDensities } from '../../../src/schemes/shared/scores/index.ts';
import { preparationOn } from './scoring.ts';

/** precrop.md section 5, SynFlow at keep 0.1 on ResNet-20: least and largest mean density of each kind of layer. */
const TABLE: readonly (readonly [layers: RegExp, least: number, most: number])[] = [
  [/^stem$/, 0.894, 0.894],
  [/^block[123]\.conv/, 0.538, 0.551],
  [/^block4\.conv1$/, 0.323, 0.323],
  [/^block(4\.conv2|[56]\.conv)/, 0.164, 0.171],
  [/^block7\.conv1$/, 0.085, 0.085],
  [/^block(7\.conv2|[89]\.conv)/, 0.039, 0.048],
  [/^block4\.shortcut$/, 0.022, 0.022],
  [/^block7\.shortcut$/, 0.001, 0.001],
  [/^dense$/, 0.744, 0.744],
];
/** The table is the mean of three initialisations, which lie up to 0.014 from it, shortcuts and classifier up to 0.04. */
const TOLERANCE = 0.03;

/** Expects SynFlow's densities on the full-width network to be those of the published code. */
export async function expectTable(engine: Engine, passes: number): Promise<void> {
  const network = buildNetwork('resnet20');
  const parameters = initialParameters(network, 1);
  const preparation = preparationOn(engine, network);
  const { densities } = await scoreDensities('synflow', { network, parameters, preparation, keep: 0.1, passes });
  await preparation.dispose();
  expect(densities.size).toBe(22);
  for (const [layer, density] of densities) {
    const [, least = NaN, most = NaN] = TABLE.find(([layers]) => layers.test(layer)) ?? [];
    expect(density, layer).toBeGreaterThan(least - TOLERANCE);
    expect(density, layer).toBeLessThan(most + TOLERANCE);
  }
}
