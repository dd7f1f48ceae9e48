import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Trainer } from '../engine/engine.ts';
import { type TensorDifference, compareWithStock, tensorDifferences } from '../engine/tfjs/compare.ts';
import { openTfjsEngine } from '../engine/tfjs/index.ts';
import { TfjsTrainer } from '../engine/tfjs/trainer.ts';
import { DataPool } from './data-pool.ts';
import type { Preparing } from './errand.ts';
import { type RunParts, closeParts, openParts } from './parts.ts';
import { type RunPlan, type SchemeAccess, planRun } from './plan.ts';

/** The tensor whose gradients differ most, and by how much of stock tfjs' norm. */
export interface WorstTensor {
  readonly tensor: string;
  readonly difference: number;
}

/** How far one training step of an engine is from stock tfjs on the processor. */
export interface StepAgreement {
  readonly step: number;
  /** Relative difference of the losses. */
  readonly loss: number;
  readonly gradient: WorstTensor;
  /** Values in front of a ReLU that the two have on different sides of its bend, of how many. */
  readonly apart: number;
  readonly values: number;
  /** The same gradients once stock tfjs has those values on the engine's side; equal to `gradient` where there are none. */
  readonly sided: WorstTensor;
}

/**
 * What counts as agreement of two correct fp32 programs from equal parameters: relative differences of the loss and of each
 * tensor's gradient, on the same sides of bends.
 */
export const AGREEMENT = { loss: 1e-5, gradient: 1e-2 } as const;

export const agrees = ({ loss, sided }: StepAgreement): boolean =>
  loss <= AGREEMENT.loss && sided.difference <= AGREEMENT.gradient;

/** Some gradients are zero but for rounding: differences count against at least this share of the whole network's norm. */
const FLOOR = 4e-4;

/**
 * Trains a spec's network, whole, on `engine` and yields, for each of the first steps, how far its loss and gradients are
 * from those of stock tfjs' CPU backend, which gets the engine's parameters before every step and the same images. The
 * scheme plays no part. Throws a sentence where the spec cannot be run.
 */
export async function* agreementWithStock(
  spec: Spec,
  steps: number,
  { engine, cifar }: { readonly engine: Engine; readonly cifar: Cifar10 },
): AsyncGenerator<StepAgreement, void, void> {
  const dense: Spec = { ...spec, scheme: { id: 'dense' } };
  const plan = planRun(dense, UNASKED);
  const ours = await partsOn(engine, dense, plan, cifar);
  try {
    const stock = await partsOn(await openTfjsEngine({ backend: 'cpu' }), dense, plan, cifar);
    try {
      const { trainer } = ours;
      if (!(stock.trainer instanceof TfjsTrainer)) throw new Error('The tfjs engine has another trainer.');
      for (let step = 0; step < steps; step++) {
        await Promise.all([ours, stock].map(({ feeder, order }) => feeder.need('train', order.needs(step))));
        yield await agreementAt(trainer, stock.trainer);
        await trainer.train(1, plan.hyperAt);
      }
    } finally {
      closeParts(stock);
    }
  } finally {
    closeParts(ours);
  }
}

async function agreementAt(trainer: Trainer, stock: TfjsTrainer): Promise<StepAgreement> {
  const { step, own, stock: sided, tensors } = await compareWithStock(trainer, stock);
  // Where nothing was moved they are the same, bit for bit.
  const plain = sided.moved === 0 ? sided : await stock.gradients({ inputs: { step } });
  return {
    step,
    loss: Math.abs(own.loss - plain.loss) / plain.loss,
    gradient: worstOf(tensorDifferences(own, plain)),
    apart: sided.moved,
    values: sided.values,
    sided: worstOf(tensors),
  };
}

function worstOf(tensors: readonly TensorDifference[]): WorstTensor {
  const whole = Math.hypot(...tensors.map(({ norm }) => norm));
  const all = tensors.map(({ name, norm, difference }) => ({
    tensor: name,
    difference: difference / Math.max(norm, FLOOR * whole),
  }));
  return worst(all, ({ difference }) => difference);
}

/** The one of largest size; NaN, where a gradient is missing or is none, is larger than any. */
export const worst = <T>(all: readonly T[], size: (one: T) => number): T =>
  all.reduce((most, one) => (Number.isNaN(size(most)) || size(one) <= size(most) ? most : one));

async function partsOn(engine: Engine, spec: Spec, plan: RunPlan, cifar: Cifar10): Promise<RunParts> {
  const listener = { onProgress: () => undefined, onFailure: () => undefined };
  const preparing: Preparing = {
    turn: (work) => work(),
    closing: new Promise<never>(() => undefined),
    onProgress: () => undefined,
  };
  const parts = await openParts(spec, plan, { engine, cifar, pool: new DataPool(), listener, preparing }, false);
  parts.feeder.start();
  return parts;
}

const unasked = (): Promise<never> => Promise.reject(new Error('The dense network asks for nothing.'));
/** What a scheme may ask for. */
const UNASKED: SchemeAccess = {
  read: unasked,
  evaluate: unasked,
  gradients: unasked,
  explore: { images: 0, accuracies: unasked, progress: () => undefined },
};
