import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { type Network, type Tensors, parametersOf, trained } from '../../src/core/network/index.ts';
import type { Activation, Trainer } from '../../src/engine/engine.ts';
import { crossEntropy, forward } from '../../src/engine/tfjs/forward.ts';
import { openBatch } from '../../src/engine/tfjs/inputs.ts';
import { TfjsTrainer } from '../../src/engine/tfjs/trainer.ts';
import { differing, hyperAt } from './harness.ts';

export interface Sided {
  readonly loss: number;
  readonly tensors: Tensors;
  /** Values in front of an activation function, and those of them that were moved over a bend. */
  readonly values: number;
  readonly moved: number;
  /** How far the furthest of them was moved. */
  readonly furthest: number;
}

/** Ids of the nodes that bend: ReLU at 0, ReLU6 at 0 and 6. */
export const bendsOf = (network: Network): readonly string[] =>
  network.nodes.filter(({ op }) => op === 'relu' || op === 'relu6').map(({ id }) => id);

/**
 * Loss and gradients of a training step as the tfjs engine computes them, but for values that stand on another side of a
 * bend than in `outputs`: another engine's outputs of the nodes that bend, from the same parameters. Those are moved, by a
 * constant, to where the other engine has them, since the gradient jumps at a bend and rounding alone says on which side
 * of it a value stands. How many and how far is returned, for the caller to judge. Uses tfjs' current backend.
 */
export async function gradientsOnSides(
  trainer: TfjsTrainer,
  step: number,
  outputs: ReadonlyMap<string, Activation>,
): Promise<Sided> {
  const { network, options } = trainer;
  const bends = new Map(network.nodes.flatMap((node) => ('input' in node ? [[node.input, node] as const] : [])));
  let [values, moved, furthest] = [0, 0, 0];
  const through = (id: string, x: tf.Tensor4D): tf.Tensor4D => {
    const node = bends.get(id);
    if (node?.op !== 'relu' && node?.op !== 'relu6') return x;
    const theirs = outputs.get(node.id)?.values;
    if (theirs?.length !== x.size) throw new Error(`the outputs of "${node.id}" are missing`);
    const top = node.op === 'relu6' ? 6 : Infinity;
    const side = (value: number): number => Number(value > 0) + Number(value >= top);
    const shift = new Float32Array(x.size);
    const ours = x.dataSync();
    const before = moved;
    theirs.forEach((value, i) => {
      const own = ours[i] ?? NaN;
      if (side(own) === side(value)) return;
      moved++;
      furthest = Math.max(furthest, Math.abs(value - own));
      // 6 itself passes the gradient in tfjs; what was cut off lies behind it.
      shift[i] = (value >= top ? top * (1 + 2 ** -22) : value) - own;
    });
    values += x.size;
    return moved > before ? x.add(tf.tensor4d(shift, x.shape)) : x;
  };

  const parameters = await trainer.read();
  const tensors = new Map(
    parametersOf(network).map(({ name, shape }) => [
      name,
      tf.variable(tf.tensor(parameters.get(name) ?? [], [...shape])),
    ]),
  );
  const parameter = (name: string): tf.Tensor => {
    const tensor = tensors.get(name);
    if (!tensor) throw new Error(`${name} is missing`);
    return tensor;
  };
  const learned = parametersOf(network).filter(({ role }) => trained(role));
  const { images, labels } = openBatch(tf, { step }, options);
  if (!labels) throw new Error('a training step has labels');
  const { value, grads } = tf.variableGrads(
    () =>
      crossEntropy(tf, forward(tf, network, parameter, images, true, through).logits, labels, options.labelSmoothing),
    learned.map(({ name }) => parameter(name) as tf.Variable),
  );
  const gradients = new Map(
    learned.map(({ name }) => {
      const gradient = grads[(parameter(name) as tf.Variable).name];
      return [name, Float32Array.from(gradient?.dataSync() ?? [])] as const;
    }),
  );
  const [loss = NaN] = await value.data();
  tf.dispose([images, labels, value, grads, ...tensors.values()]);
  return { loss, tensors: gradients, values, moved, furthest };
}

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
  network: Network,
  steps: number,
  floor: number = SIDED.floor,
): Promise<number> {
  if (!(theirs instanceof TfjsTrainer)) throw new Error('this is not the tfjs engine');
  let unmoved = 0;
  for (let made = 0; made < steps; made++) {
    const { step } = ours;
    await theirs.restore(await ours.checkpoint());
    const inputs = { step };
    const own = await ours.gradients({ inputs });
    const stock = await gradientsOnSides(theirs, step, await ours.activations({ inputs, nodes: bendsOf(network) }));
    expect(stock.moved, `values moved in step ${step}`).toBeLessThanOrEqual(1 + BENDS.share * stock.values);
    expect(stock.furthest, `how far in step ${step}`).toBeLessThan(BENDS.furthest);
    // Where nothing was moved this is the tfjs engine's own gradient, bit for bit.
    if (stock.moved === 0 && unmoved++ === 0) {
      const { loss, tensors } = await theirs.gradients({ inputs });
      expect(stock.loss).toBe(loss);
      expect(differing(tensors, stock.tensors)).toEqual([]);
    }
    expect(Math.abs(own.loss - stock.loss) / stock.loss, `loss of step ${step}`).toBeLessThan(SIDED.loss);
    const whole = Math.hypot(...[...stock.tensors.values()].map(normOf));
    for (const [name, gradient] of stock.tensors) {
      const norm = normOf(gradient);
      const other = own.tensors.get(name);
      const difference = normOf(gradient.map((value, i) => value - (other?.[i] ?? NaN)));
      const about = `gradient of ${name} in step ${step}, whose norm is ${norm}`;
      expect(difference, about).toBeLessThan(SIDED.gradient * norm + floor * whole);
    }
    await ours.train(1, hyperAt);
  }
  return unmoved;
}

const normOf = (values: Float32Array): number => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
