import type { Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import { type Network, type Tensors, parametersOf, trained } from '../../core/network/index.ts';
import type { Activation } from '../engine.ts';
import { crossEntropy, forward } from './forward.ts';
import { openBatch } from './inputs.ts';
import type { TfjsTrainer } from './trainer.ts';

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
 * of it a value stands. How many and how far is returned, for the caller to judge.
 */
export async function gradientsOnSides(
  trainer: TfjsTrainer,
  step: number,
  outputs: ReadonlyMap<string, Activation>,
): Promise<Sided> {
  const { tf, network, options } = trainer;
  const bends = new Map(network.nodes.flatMap((node) => ('input' in node ? [[node.input, node] as const] : [])));
  let [values, moved, furthest] = [0, 0, 0];
  const through = (id: string, x: Tensor4D): Tensor4D => {
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
  const parameter = (name: string): Tensor => {
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
    learned.map(({ name }) => parameter(name) as Variable),
  );
  const gradients = new Map(
    learned.map(({ name }) => {
      const gradient = grads[(parameter(name) as Variable).name];
      return [name, Float32Array.from(gradient?.dataSync() ?? [])] as const;
    }),
  );
  const [loss = NaN] = await value.data();
  tf.dispose([images, labels, value, grads, ...tensors.values()]);
  return { loss, tensors: gradients, values, moved, furthest };
}
