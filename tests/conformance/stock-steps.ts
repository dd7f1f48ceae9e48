import { expect } from 'vitest';
import type { Network } from '../../src/core/network/index.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { expectStock } from './bends.ts';
import { type Images, openTrainer } from './harness.ts';

/** At each step the first engine's loss and gradients, from its own parameters, must be those of the second. */
export async function compareStock(
  [first, second]: readonly [Engine, Engine],
  images: Images,
  network: Network,
  options: { readonly batchSize: number },
  steps: number,
): Promise<void> {
  const ours = await openTrainer(first, network, images, options);
  const theirs = await openTrainer(second, network, images, options);
  const unmoved = await expectStock(ours, theirs, network, steps);
  // Most steps are the tfjs engine's own.
  expect(unmoved).toBeGreaterThan(steps / 2);
  for (const trainer of [ours, theirs]) trainer.dispose();
}
