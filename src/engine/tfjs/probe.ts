import type { Rank, Scalar, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { type Network, crossingsOf, shapesOf } from '../../core/network/index.ts';
import type { Activation, ActivationRequest, GradientRequest } from '../engine.ts';
import { unknownNode, unlabelled } from '../inputs.ts';
import type { Tfjs } from './backend.ts';
import { type BatchStatistics, crossEntropy, forward } from './forward.ts';
import type { Batch } from './inputs.ts';
import { straightThrough } from './rules.ts';
import { type RunningTensor, hostCopies } from './running.ts';

/** The network that runs, and what it computes with. */
export interface Model {
  readonly tf: Tfjs;
  readonly network: Network;
  /** The tensor of a name, as the network computes with it. */
  readonly parameter: (name: string) => Tensor;
  readonly labelSmoothing: number;
}

/** How a gradient is computed: a gradient request without its inputs. */
export type GradientOptions = Omit<GradientRequest, 'inputs'>;

/** A forward and backward pass. `release` it when its tensors have been used. */
export interface Pass {
  readonly loss: number;
  /** Share of the batch classified correctly; NaN without labels. */
  readonly accuracy: number;
  readonly gradients: ReadonlyMap<string, Tensor>;
  /** By batch norm, where norms use the batch's statistics. */
  readonly statistics: ReadonlyMap<string, BatchStatistics>;
  /** Base-2 logarithm of what activations were divided by in all. */
  readonly log2Scale: number;
}

export function release(tf: Tfjs, { gradients, statistics }: Pass): void {
  tf.dispose([...gradients.values()]);
  for (const { mean, variance } of statistics.values()) tf.dispose([mean, variance]);
}

/** Loss on a batch and its gradient with respect to the `trained` tensors. Throws a sentence when labels are missing. */
export async function differentiate(
  model: Model,
  trained: readonly RunningTensor[],
  batch: Batch,
  { parameters, batchNorm, rescale, ...options }: GradientOptions = {},
): Promise<Pass> {
  const { tf, network, parameter } = model;
  const lossOf = lossFunction(model, batch, options);
  const crossings = new Set(rescale ? crossingsOf(network) : []);
  const exponents: Tensor[] = [];
  const statistics = new Map<string, BatchStatistics>();
  const kept: { correct?: Tensor } = {};
  const used = (name: string): Tensor =>
    parameters === 'absolute' ? straightThrough(tf, parameter(name), (x) => x.abs()) : parameter(name);
  const { value, grads } = tf.variableGrads(
    () => {
      const result = forward(tf, network, used, batch.images, batchNorm !== 'running', (id, output) =>
        crossings.has(id) ? rescaled(tf, output, exponents) : output,
      );
      for (const [id, { mean, variance }] of result.statistics) {
        statistics.set(id, { mean: tf.keep(mean), variance: tf.keep(variance) });
      }
      if (batch.labels) kept.correct = tf.keep(result.logits.argMax(1).equal(batch.labels).sum());
      return lossOf(result.logits);
    },
    trained.map(({ values }) => values),
  );
  const gradients = new Map(
    // A tensor from which no path leads to the loss has no entry.
    trained.map(({ spec, values }) => [spec.name, grads[values.name] ?? tf.zerosLike(values)] as const),
  );
  const [loss = NaN] = await value.data();
  const [correct = NaN] = (await kept.correct?.data()) ?? [];
  const shifts = await Promise.all(exponents.map((exponent) => exponent.data()));
  tf.dispose([value, kept, exponents]);
  return {
    loss,
    accuracy: correct / batch.images.shape[0],
    gradients,
    statistics,
    log2Scale: shifts.reduce((sum, [exponent = NaN]) => sum + exponent, 0),
  };
}

/** The loss of logits [images, classes] on a batch. Throws a sentence when it takes labels that there are none of. */
function lossFunction(
  { tf, labelSmoothing }: Model,
  { labels }: Batch,
  { loss = 'crossEntropy', logitDivisor = 1 }: GradientOptions = {},
): (logits: Tensor2D) => Scalar {
  const divided = (logits: Tensor2D): Tensor2D => (logitDivisor === 1 ? logits : logits.div(logitDivisor));
  if (loss === 'sumOfLogits') return (logits) => divided(logits).sum();
  if (!labels) throw unlabelled();
  return (logits) => crossEntropy(tf, divided(logits), labels, labelSmoothing);
}

/**
 * An activation divided by the power of two nearest to its largest magnitude (in the logarithm), or unchanged when that
 * is 0 or not finite. The divisor counts as a constant; its exponent is kept in `exponents`. Float32 has powers of two
 * from 2^-126 to 2^127. What later nodes add (shifts, running means, biases) and the 6 of a ReLU6 are not divided along:
 * gradients are all multiplied by the same number where these play no part, as in a new network without ReLU6.
 */
function rescaled(tf: Tfjs, activation: Tensor4D, exponents: Tensor[]): Tensor4D {
  return tf.customGrad((input) => {
    const x = input as Tensor4D;
    const largest = x.abs().max();
    const usable = largest.isFinite().logicalAnd(largest.greater(0));
    const logarithm = largest.log().div(Math.LN2).round().clipByValue(-126, 127);
    const exponent = tf.keep(tf.where(usable, logarithm, tf.zerosLike(logarithm)));
    exponents.push(exponent);
    const divisor = (): Tensor => tf.pow(2, exponent);
    return { value: x.div(divisor()), gradFunc: (gradient) => gradient.div(divisor()) };
  })(activation) as Tensor4D;
}

/** Outputs of the named nodes on a batch, and the loss's gradients there. Throws a sentence on an unknown node. */
export async function readActivations(
  model: Model,
  batch: Batch,
  { nodes, batchNorm, gradients }: Omit<ActivationRequest, 'inputs'>,
): Promise<ReadonlyMap<string, Activation>> {
  const { tf, network } = model;
  const shapes = shapesOf(network);
  const images = batch.images.shape[0];
  const wanted = new Map(
    [...new Set(nodes)].map((id) => {
      const shape = shapes.get(id);
      if (!shape) throw unknownNode(network.id, id);
      return [id, [images, ...shape] as const] as const;
    }),
  );
  const outputs = new Map<string, Tensor>();
  const run = (change: (id: string, output: Tensor4D) => Tensor4D): Tensor2D =>
    forward(tf, network, model.parameter, batch.images, batchNorm !== 'running', (id, output) => {
      if (!wanted.has(id)) return output;
      outputs.set(id, tf.keep(output.clone()));
      return change(id, output);
    }).logits;

  const slopes = new Map<string, Tensor>();
  if (gradients && wanted.size > 0) {
    const lossOf = lossFunction(model, batch);
    // The gradient at a node's output is that with respect to a zero added to it.
    const zeros = new Map(
      [...wanted].map(([id, shape]) => [id, tf.tidy(() => tf.variable(tf.zeros<Rank.R4>([...shape])))] as const),
    );
    const { value, grads } = tf.variableGrads(
      () => lossOf(run((id, output) => output.add(zeros.get(id) ?? 0))),
      [...zeros.values()],
    );
    for (const [id, zero] of zeros) slopes.set(id, grads[zero.name] ?? tf.zerosLike(zero));
    tf.dispose([value, ...zeros.values()]);
  } else {
    tf.dispose(tf.tidy(() => run((_, output) => output)));
  }
  const [values, found] = await Promise.all([hostCopies(outputs), hostCopies(slopes)]);
  tf.dispose([...outputs.values(), ...slopes.values()]);
  return new Map(
    [...wanted].map(([id, shape]) => [
      id,
      { shape, values: values.get(id) ?? new Float32Array(), gradient: found.get(id) ?? null },
    ]),
  );
}
