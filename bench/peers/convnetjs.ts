import convnetjs, { type Layer, type Vol } from 'convnetjs';
import {
  type Network,
  type NodeOf,
  type Shape,
  initialParameters,
  samePadLow,
  shapesOf,
} from '../../src/core/network/index.ts';
import { assembleBatch } from '../../src/engine/tfjs/batch.ts';
import { LEARNING_RATE, MOMENTUM, type Peer, SEED, type Task } from './peer.ts';

const IMAGE = 32 * 32 * 3;

/** ConvNetJS: plain JavaScript on one thread of the CPU, an image at a time. It has no batch norm. */
export async function openConvNet({ network, batch, images }: Task): Promise<Peer> {
  const net = netOf(network);
  const trainer = new convnetjs.Trainer(net, {
    method: 'sgd',
    learning_rate: LEARNING_RATE,
    momentum: MOMENTUM,
    batch_size: batch,
    l2_decay: 0,
  });
  const indices = Uint32Array.from({ length: batch }, (_, i) => i);
  const values = assembleBatch(images.pixels, indices, null);
  const batchOf = Array.from(indices, (image) => {
    const vol = new convnetjs.Vol(32, 32, 3, 0);
    vol.w = Float64Array.from(values.subarray(image * IMAGE, (image + 1) * IMAGE));
    return { vol, label: images.labels[image] ?? 0 };
  });
  return {
    adapter: 'ConvNetJS 0.3.0, CPU, one thread',
    async step() {
      const losses = batchOf.map(({ vol, label }) => trainer.train(vol, label).cost_loss);
      return losses.reduce((sum, loss) => sum + loss, 0) / batch;
    },
  };
}

function netOf(network: Network): InstanceType<typeof convnetjs.Net> {
  const shapes = shapesOf(network);
  const shapeOf = (id: string): Shape => shapes.get(id) ?? [0, 0, 0];
  const parameters = initialParameters(network, SEED);
  const definitions = network.nodes.map((node) => {
    switch (node.op) {
      case 'input': {
        const [height, width, channels] = node.shape;
        return { type: 'input', out_sx: width, out_sy: height, out_depth: channels };
      }
      case 'conv':
        return {
          type: 'conv',
          sx: node.kernel,
          filters: node.filters,
          stride: node.stride,
          pad: (node.kernel - 1) / 2,
        };
      case 'relu':
        return { type: 'relu' };
      case 'globalAvgPool':
        // Pools by maximum, so it only keeps the place of the layer below.
        return { type: 'pool', sx: shapeOf(node.input)[0], stride: shapeOf(node.input)[0] };
      case 'dense':
        return { type: 'softmax', num_classes: node.units };
      default:
        throw new Error(`ConvNetJS has no "${node.op}"`);
    }
  });
  const net = new convnetjs.Net();
  net.makeLayers(definitions);
  network.nodes.forEach((node, index) => {
    // Nothing before the classifier expands into two layers, so positions agree.
    const layer = net.layers[index];
    if (!layer) throw new Error('ConvNetJS: a layer is missing');
    if (node.op === 'globalAvgPool') net.layers[index] = averageLayer(layer.out_depth);
    if (node.op === 'conv') prepareConvolution(layer, node, shapeOf(node.input), parameters.get(`${node.id}/kernel`));
    if (node.op === 'dense') {
      const kernel = parameters.get(`${node.id}/kernel`) ?? new Float32Array();
      layer.filters?.forEach((filter, unit) => {
        filter.w = Float64Array.from({ length: filter.w.length }, (_, i) => kernel[i * node.units + unit] ?? 0);
      });
    }
  });
  return net;
}

/** Gives a convolution our weights and tfjs' `same` padding: at stride 2 the low side gets less than the high one. */
function prepareConvolution(
  layer: Layer,
  node: NodeOf<'conv'>,
  input: Shape,
  kernel: Float32Array = new Float32Array(),
): void {
  // Its output size is set, and it never reads outside.
  layer.pad = samePadLow(input[0], node.kernel, node.stride);
  layer.filters?.forEach((filter, output) => {
    filter.w = Float64Array.from({ length: filter.w.length }, (_, i) => kernel[i * node.filters + output] ?? 0);
  });
}

/** Global average pooling, which ConvNetJS lacks, as a layer of its kind. */
function averageLayer(channels: number): Layer {
  let input: Vol | undefined;
  let output: Vol | undefined;
  return {
    layer_type: 'average',
    out_sx: 1,
    out_sy: 1,
    out_depth: channels,
    forward(given) {
      input = given;
      output = new convnetjs.Vol(1, 1, channels, 0);
      const share = channels / given.w.length;
      for (let i = 0; i < given.w.length; i++) {
        output.w[i % channels] = (output.w[i % channels] ?? 0) + (given.w[i] ?? 0) * share;
      }
      return output;
    },
    backward() {
      if (!input || !output) return;
      const { dw } = output;
      const share = channels / input.w.length;
      input.dw = Float64Array.from({ length: input.w.length }, (_, i) => (dw[i % channels] ?? 0) * share);
    },
    getParamsAndGrads: () => [],
  };
}
