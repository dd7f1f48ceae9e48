import { type Value, blockUntilReady, defaultDevice, init, jit, lax, nn, numpy, valueAndGrad } from '@jax-js/jax';
import {
  BATCH_NORM_EPSILON,
  type Network,
  type Node,
  type Shape,
  initialParameters,
  parametersOf,
  samePadLow,
  sameOutput,
  shapesOf,
} from '../../src/core/network/index.ts';
import { assembleBatch } from '../../src/engine/tfjs/batch.ts';
import { lendNavigator } from './navigator.ts';
import { LEARNING_RATE, MOMENTUM, type Peer, SEED, type Task } from './peer.ts';

/** Trained arrays by their names. jax-js owns what it is given: every use but the last takes a `.ref`. */
type Tree = Record<string, Value>;

const mapTree = (tree: Tree, change: (value: Value, name: string) => Value): Tree =>
  Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, change(value, name)]));
const pick = (tree: Tree, name: string): Value => {
  const value = tree[name];
  if (!value) throw new Error(`jax-js: there is no "${name}"`);
  return value;
};

/** @jax-js/jax on WebGPU: forward pass, its autodiff and the momentum update in one `jit`. Layout NCHW, its only one. */
export async function openJax({ network, batch, images, gpu }: Task): Promise<Peer> {
  if (gpu) lendNavigator(gpu);
  if (!(await init('webgpu')).includes('webgpu')) throw new Error('jax-js has no webgpu here');
  defaultDevice('webgpu');

  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const x = numpy
    .array(assembleBatch(images.pixels, indices, null))
    .reshape([batch, 32, 32, 3])
    .transpose([0, 3, 1, 2]);
  const hot = new Float32Array(batch * 10);
  images.labels.forEach((label, image) => (hot[image * 10 + label] = 1));
  const y = numpy.array(hot).reshape([batch, 10]);

  const forward = forwardPass(network);
  const lossOf = (parameters: Tree, pixels: Value, labels: Value): Value => {
    const logits = forward(parameters, pixels);
    return numpy.sum(labels.mul(nn.logSoftmax(logits, 1))).div(-batch);
  };
  const step = jit((parameters: Tree, velocity: Tree, pixels: Value, labels: Value): [Value, Tree, Tree] => {
    const shared = mapTree(parameters, (value) => value.ref);
    const [loss, gradients] = valueAndGrad(lossOf)(shared, pixels, labels);
    const next = mapTree(velocity, (value, name) => value.mul(MOMENTUM).add(pick(gradients, name)));
    const moved = mapTree(parameters, (value, name) => value.sub(pick(next, name).ref.mul(LEARNING_RATE)));
    return [loss, moved, next];
  });

  let parameters = initialTree(network);
  let velocity = mapTree(parameters, (value) => numpy.zerosLike(value.ref));
  return {
    adapter: 'jax-js 0.1.25 webgpu',
    async step() {
      const [loss, moved, next] = step(parameters, velocity, x.ref, y.ref);
      [parameters, velocity] = [moved, next];
      const [value = NaN] = await loss.data();
      await blockUntilReady(moved);
      return value;
    },
  };
}

/** Our first weights, convolution kernels as OIHW. */
function initialTree(network: Network): Tree {
  const values = initialParameters(network, SEED);
  const specs = parametersOf(network).filter(({ role }) => role !== 'mean' && role !== 'variance');
  return Object.fromEntries(
    specs.map(({ name, shape }) => {
      const array = numpy.array(new Float32Array(values.get(name) ?? [])).reshape(shape);
      return [name, shape.length === 4 ? array.transpose([3, 2, 0, 1]) : array];
    }),
  );
}

/** Logits [batch, classes] of a network's nodes. */
function forwardPass(network: Network): (parameters: Tree, x: Value) => Value {
  const shapes = shapesOf(network);
  return (parameters, x) => {
    const outputs: Tree = {};
    for (const node of network.nodes) outputs[node.id] = outputOf(node, outputs, parameters, x, shapes);
    const last = network.nodes.at(-1)?.id ?? '';
    for (const [id, value] of Object.entries(outputs)) if (id !== last) value.dispose();
    for (const value of Object.values(parameters)) value.dispose();
    return pick(outputs, last);
  };
}

function outputOf(node: Node, outputs: Tree, parameters: Tree, x: Value, shapes: ReadonlyMap<string, Shape>): Value {
  if (node.op === 'input') return x;
  if (node.op === 'add') return pick(outputs, node.inputs[0]).ref.add(pick(outputs, node.inputs[1]).ref);
  const input = pick(outputs, node.input).ref;
  const parameter = (role: string): Value => pick(parameters, `${node.id}/${role}`).ref;
  const [height, width, channels] = shapes.get(node.input) ?? [0, 0, 0];
  const padding = (window: number, stride: number): [[number, number], [number, number]] => [
    samePadding(height, window, stride),
    samePadding(width, window, stride),
  ];
  switch (node.op) {
    case 'conv':
      return lax.conv(input, parameter('kernel'), [node.stride, node.stride], padding(node.kernel, node.stride));
    case 'batchNorm': {
      const [axes, each] = [
        [0, 2, 3],
        [1, channels, 1, 1],
      ];
      const centred = input.ref.sub(numpy.mean(input, axes, { keepdims: true }));
      const variance = numpy.mean(numpy.square(centred.ref), axes, { keepdims: true });
      const scale = parameter('gamma')
        .reshape(each)
        .div(numpy.sqrt(variance.add(BATCH_NORM_EPSILON)));
      return centred.mul(scale).add(parameter('beta').reshape(each));
    }
    case 'relu':
      return nn.relu(input);
    case 'relu6':
      return nn.relu6(input);
    case 'maxPool': {
      if (padding(node.size, node.stride).flat().some(Boolean)) throw new Error('jax-js: its pooling does not pad');
      const [window, strides] = [
        [node.size, node.size],
        [node.stride, node.stride],
      ];
      return lax.reduceWindow(input, (values) => numpy.max(values), window, strides);
    }
    case 'globalAvgPool':
      return numpy.mean(input, [2, 3]);
    case 'dense':
      return numpy.matmul(input, parameter('kernel')).add(parameter('bias'));
    default:
      throw new Error(`jax-js: "${node.op}" is not written for it`);
  }
}

function samePadding(size: number, window: number, stride: number): [number, number] {
  const total = Math.max((sameOutput(size, stride) - 1) * stride + window - size, 0);
  const low = samePadLow(size, window, stride);
  return [low, total - low];
}
