import { expect } from 'vitest';
import type { Trainer } from '../../src/engine/engine.ts';
import { compareWithStock } from '../../src/engine/tfjs/compare.ts';
import { TfjsTrainer } from '../../src/engine/tfjs/trainer.ts';
import { differing, hyperAt } from './harness.ts';

/**
 * Gradients jump where an activation bends, and in many steps of a narrow mobilenet one of the half million values in
 * front of its ReLU6s stands within rounding of a bend: then two correct programs differ by up to half the norm of a
 * tensor that hangs on few values. Where stock tfjs takes the same side (see `gradientsOnSides`) all tensors agree within
 * 1e-3, so comparisons with it have a sharper tolerance, and no step or network an excuse.
 *
 * Some gradients are zero but for rounding, as a batch norm takes away what the bottleneck of a mobilenet shifts or
 * scales. Hence the floor, in parts of the norm of the whole network's gradient.
 */
const SIDED = { loss: 1e-5, gradient: 5e-3, floor: 2e-6 } as const;
/** What rounding may move: one value and this share of all, this far (their deviation is about 1). */
const BENDS = { share: 2e-5, furthest: 3e-4 } as const;

/**
 * Trains `ours` for some steps and compares loss and gradients of each, from equal parameters, with stock tfjs on the same
 * sides of bends; `floor` as in SIDED. Returns in how many steps no value had to be moved: there it is the tfjs engine as it is.
 */
export async function expectStock(
  ours: Trainer,
  theirs: Trainer,
  steps: number,
  floor: number = SIDED.floor,
): Promise<number> {
  if (!(theirs instanceof TfjsTrainer)) throw new Error('this is not the tfjs engine');
  let unmoved = 0;
  for (let made = 0; made < steps; made++) {
    const { step, own, stock, tensors, whole } = await compareWithStock(ours, theirs);
    expect(stock.moved, `values moved in step ${step}`).toBeLessThanOrEqual(1 + BENDS.share * stock.values);
    expect(stock.furthest, `how far in step ${step}`).toBeLessThan(BENDS.furthest);
    // Where nothing was moved this is the tfjs engine's own gradient, bit for bit.
    if (stock.moved === 0 && unmoved++ === 0) {
      const plain = await theirs.gradients({ inputs: { step } });
      expect(stock.loss).toBe(plain.loss);
      expect(differing(plain.tensors, stock.tensors)).toEqual([]);
    }
    expect(Math.abs(own.loss - stock.loss) / stock.loss, `loss of step ${step}`).toBeLessThan(SIDED.loss);
    for (const { name, norm, difference } of tensors) {
      const about = `gradient of ${name} in step ${step}, whose norm is ${norm}`;
      expect(difference, about).toBeLessThan(SIDED.gradient * norm + floor * whole);
    }
    await ours.train(1, hyperAt);
  }
  return unmoved;
}
