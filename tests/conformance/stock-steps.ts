import { expect } from 'vitest';
import type { Network } from '../../src/core/network/index.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { expectStock } from './bends.ts';
import { type Images, openTrainer } from './harness.ts';

/**
 * At each step the first engine's loss and gradients, from its own parameters, must be those of the second; `own` of the
 * steps must be the tfjs engine's own, without a value moved over a bend (see expectStock). Which are, rounding says: with
 * `most` above `steps` it goes on until there are enough.
 */
export async function compareStock(
  [first, second]: readonly [Engine, Engine],
  images: Images,
  network: Network,
  options: { readonly batchSize: number },
  steps: number,
  { own = Math.floor(steps / 2) + 1, most = steps }: { readonly own?: number; readonly most?: number } = {},
): Promise<void> {
  const ours = await openTrainer(first, network, images, options);
  const theirs = await openTrainer(second, network, images, options);
  let [made, unmoved] = [0, 0];
  while (made < steps || (unmoved < own && made < most)) {
    const count = made < steps ? steps : 1;
    unmoved += await expectStock(ours, theirs, count);
    made += count;
  }
  expect(unmoved).toBeGreaterThanOrEqual(own);
  for (const trainer of [ours, theirs]) trainer.dispose();
}
