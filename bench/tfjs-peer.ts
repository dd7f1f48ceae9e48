import * as tf from '@tensorflow/tfjs';
import type { Network } from '../src/core/network/index.ts';
import { assembleBatch } from '../src/engine/tfjs/batch.ts';
import type { Peer } from './page.ts';

/** Stock tfjs as its users use it: a layers model, its own momentum optimiser, `trainOnBatch`. */
export async function openTfjsPeer(
  network: Network,
  batch: number,
  backend: 'webgpu' | 'webgl',
  images: { pixels: Uint8Array; labels: Uint8Array },
): Promise<Peer> {
  if (backend === 'webgpu') {
    await import('@tensorflow/tfjs-backend-webgpu');
    // Otherwise tensors of under 1,000 elements are computed on the CPU, which stalls the queue.
    tf.env().set('WEBGPU_CPU_FORWARD', false);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs has no ${backend} here`);
  await tf.ready();
  const model = layersModel(network);
  model.compile({ optimizer: tf.train.momentum(0.05, 0.9), loss: 'categoricalCrossentropy' });
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const x = tf.tensor4d(assembleBatch(images.pixels, indices, null), [batch, 32, 32, 3]);
  const y = tf.oneHot(tf.tensor1d([...images.labels], 'int32'), 10);
  return {
    adapter: `tfjs ${tf.version_core} ${backend}`,
    async step() {
      // The loss is read back, so the step has ended when it is there.
      await model.trainOnBatch(x, y);
    },
  };
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
    let made: unknown;
    switch (node.op) {
      case 'input':
        made = input = tf.input({ shape: [...node.shape] });
        break;
      case 'conv':
        made = tf.layers
          .conv2d({
            filters: node.filters,
            kernelSize: node.kernel,
            strides: node.stride,
            padding: 'same',
            useBias: false,
          })
          .apply(output(node.input));
        break;
      case 'batchNorm':
        made = tf.layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9 }).apply(output(node.input));
        break;
      case 'relu':
        made = tf.layers.activation({ activation: 'relu' }).apply(output(node.input));
        break;
      case 'maxPool':
        made = tf.layers
          .maxPooling2d({ poolSize: node.size, strides: node.stride, padding: 'same' })
          .apply(output(node.input));
        break;
      case 'globalAvgPool':
        made = tf.layers.globalAveragePooling2d({}).apply(output(node.input));
        break;
      case 'add':
        made = tf.layers.add().apply(node.inputs.map(output));
        break;
      case 'dense':
        made = tf.layers.dense({ units: node.units, activation: 'softmax' }).apply(output(node.input));
        break;
    }
    outputs.set(node.id, made as tf.SymbolicTensor);
  }
  if (!input) throw new Error('the network has no input');
  return tf.model({ inputs: input, outputs: output(network.nodes.at(-1)?.id ?? '') });
}
