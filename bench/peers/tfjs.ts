import * as tf from '@tensorflow/tfjs';
import { BATCH_NORM_EPSILON, BATCH_NORM_MOMENTUM, type Network, type Node } from '../../src/core/network/network.ts';
import { initialParameters } from '../../src/core/network/index.ts';
import { assembleBatch } from '../../src/engine/tfjs/batch.ts';
import { lendNavigator } from './navigator.ts';
import { LEARNING_RATE, MOMENTUM, type Peer, SEED, type Task } from './peer.ts';

/** Stock tfjs as its users use it: a layers model, its own momentum optimiser, `trainOnBatch`. */
export async function openTfjs(task: Task, backend: 'webgpu' | 'webgl'): Promise<Peer> {
  const { network, batch, images, gpu } = task;
  if (backend === 'webgpu') await registerWebGpu(gpu);
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} here`);
  await tf.ready();
  const model = layersModel(network);
  setWeights(model, network);
  model.compile({ optimizer: tf.train.momentum(LEARNING_RATE, MOMENTUM), loss: 'categoricalCrossentropy' });
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const x = tf.tensor4d(assembleBatch(images.pixels, indices, null), [batch, 32, 32, 3]);
  const y = tf.oneHot(tf.tensor1d([...images.labels], 'int32'), 10);
  return {
    adapter: `tfjs ${tf.version_core} ${backend}`,
    async step() {
      // The loss is read back, so the step has ended when it is there.
      const loss = await model.trainOnBatch(x, y);
      return Array.isArray(loss) ? (loss[0] ?? NaN) : loss;
    },
  };
}

/** The package registers itself when it is loaded, where it finds WebGPU. */
async function registerWebGpu(gpu: GPU | undefined): Promise<void> {
  if (gpu) lendNavigator(gpu);
  await import('@tensorflow/tfjs-backend-webgpu');
  // Otherwise tensors of under 1,000 elements are computed on the CPU, which stalls the queue.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
}

function layersModel(network: Network): tf.LayersModel {
  const outputs = new Map<string, tf.SymbolicTensor>();
  const output = (id: string): tf.SymbolicTensor => {
    const tensor = outputs.get(id);
    if (!tensor) throw new Error(`"${id}" has no output yet`);
    return tensor;
  };
  let input: tf.SymbolicTensor | null = null;
  for (const node of network.nodes) {
    if (node.op === 'input') {
      input = tf.input({ shape: [...node.shape] });
      outputs.set(node.id, input);
    } else {
      const read = node.op === 'add' ? node.inputs.map(output) : output(node.input);
      outputs.set(node.id, layerOf(node).apply(read) as tf.SymbolicTensor);
    }
  }
  if (!input) throw new Error('the network has no input');
  return tf.model({ inputs: input, outputs: output(network.nodes.at(-1)?.id ?? '') });
}

function layerOf(node: Exclude<Node, { op: 'input' }>): tf.layers.Layer {
  const { id: name } = node;
  const same = { name, padding: 'same', useBias: false } as const;
  switch (node.op) {
    case 'conv':
      return tf.layers.conv2d({ ...same, filters: node.filters, kernelSize: node.kernel, strides: node.stride });
    case 'depthwiseConv':
      return tf.layers.depthwiseConv2d({ ...same, kernelSize: node.kernel, strides: node.stride });
    case 'gate':
      return tf.layers.depthwiseConv2d({ ...same, kernelSize: 1, depthwiseInitializer: 'ones' });
    case 'batchNorm':
      return tf.layers.batchNormalization({ name, epsilon: BATCH_NORM_EPSILON, momentum: BATCH_NORM_MOMENTUM });
    case 'relu':
    case 'relu6':
      return tf.layers.activation({ name, activation: node.op });
    case 'maxPool':
      return tf.layers.maxPooling2d({ name, poolSize: node.size, strides: node.stride, padding: 'same' });
    case 'avgPool':
      return tf.layers.averagePooling2d({ name, poolSize: node.size, strides: node.stride, padding: 'same' });
    case 'globalAvgPool':
      return tf.layers.globalAveragePooling2d({ name });
    case 'flatten':
      return tf.layers.flatten({ name });
    case 'add':
      return tf.layers.add({ name });
    case 'dense':
      return tf.layers.dense({ name, units: node.units, activation: 'softmax' });
  }
}

/** Starts from our weights: tfjs lists a norm's as gamma, beta, mean, variance and any other layer's as kernel, bias. */
function setWeights(model: tf.LayersModel, network: Network): void {
  const parameters = initialParameters(network, SEED);
  for (const node of network.nodes) {
    if (node.op === 'input') continue;
    const layer = model.getLayer(node.id);
    const roles = node.op === 'batchNorm' ? ['gamma', 'beta', 'mean', 'variance'] : ['kernel', 'bias'];
    const weights = layer.getWeights().map((weight, index) => {
      const values = parameters.get(`${node.id}/${roles[index]}`);
      return values ? tf.tensor(values, weight.shape) : weight;
    });
    layer.setWeights(weights);
  }
}
