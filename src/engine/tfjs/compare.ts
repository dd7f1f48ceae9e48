import type { Gradients, Trainer } from '../engine.ts';
import { type Sided, bendsOf, gradientsOnSides } from './sides.ts';
import type { TfjsTrainer } from './trainer.ts';

/** How far the gradient of one tensor is from stock tfjs'; both are Euclidean norms. */
export interface TensorDifference {
  readonly name: string;
  /** Of stock tfjs' gradient. */
  readonly norm: number;
  readonly difference: number;
}

/** A training step of another engine beside stock tfjs, from equal parameters and on equal images. */
export interface StockComparison {
  readonly step: number;
  readonly own: Gradients;
  /** With values in front of activation functions on the other engine's side of the bend (see `gradientsOnSides`). */
  readonly stock: Sided;
  readonly tensors: readonly TensorDifference[];
  /** Norm of stock tfjs' gradient of the whole network. */
  readonly whole: number;
}

/** Gives `theirs` the state of `ours` and compares the step that `ours` would make next. Nothing is trained. */
export async function compareWithStock(ours: Trainer, theirs: TfjsTrainer): Promise<StockComparison> {
  const { step } = ours;
  await theirs.restore(await ours.checkpoint());
  const inputs = { step };
  const own = await ours.gradients({ inputs });
  const stock = await gradientsOnSides(
    theirs,
    step,
    await ours.activations({ inputs, nodes: bendsOf(theirs.network) }),
  );
  const tensors = tensorDifferences(own, stock);
  return { step, own, stock, tensors, whole: Math.hypot(...tensors.map(({ norm }) => norm)) };
}

/** Of every tensor that stock tfjs has a gradient of; NaN where the other has none. */
export function tensorDifferences(
  own: Pick<Gradients, 'tensors'>,
  stock: Pick<Gradients, 'tensors'>,
): readonly TensorDifference[] {
  return [...stock.tensors].map(([name, gradient]) => {
    const other = own.tensors.get(name);
    return {
      name,
      norm: normOf(gradient),
      difference: normOf(gradient.map((value, i) => value - (other?.[i] ?? NaN))),
    };
  });
}

const normOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
