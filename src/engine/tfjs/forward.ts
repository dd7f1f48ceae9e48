import type { Rank, Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { BATCH_NORM_EPSILON, type Network, type Node, type NodeOf, keepsTap } from '../../core/network/index.ts';
import type { Tfjs } from './backend.ts';

/** Statistics of one batch norm: [channels] each. */
export interface BatchStatistics {
  readonly mean: Tensor1D;
  readonly variance: Tensor1D;
}

export interface ForwardResult {
  readonly logits: Tensor2D;
  /** By batch norm, when training: the biased statistics of the batch. */
  readonly statistics: ReadonlyMap<string, BatchStatistics>;
}

/** Sees every node's output [batch, height, width, channels] and says what the nodes that read it get instead. */
export type Through = (id: string, output: Tensor4D) => Tensor4D;

/**
 * Runs a network on images [batch, height, width, 3] with stock ops. `parameter` gives the tensor of a name. When
 * training, norms use the batch's statistics, else the running ones.
 */
export function forward(
  tf: Tfjs,
  network: Network,
  parameter: (name: string) => Tensor,
  images: Tensor4D,
  train: boolean,
  through: Through = (_, output) => output,
): ForwardResult {
  const statistics = new Map<string, BatchStatistics>();
  const outputs = new Map<string, Tensor4D>();
  const output = (id: string): Tensor4D => {
    const tensor = outputs.get(id);
    if (!tensor) throw new Error(`network ${network.id}: "${id}" has no output yet`);
    return tensor;
  };
  const normalise = (id: string, x: Tensor4D): Tensor => {
    const running = { mean: parameter(`${id}/mean`) as Tensor1D, variance: parameter(`${id}/variance`) as Tensor1D };
    const used = train ? batchStatistics(tf, x) : running;
    if (train) statistics.set(id, used);
    const scale = used.variance
      .add(BATCH_NORM_EPSILON)
      .rsqrt()
      .mul(parameter(`${id}/gamma`));
    return x
      .sub(used.mean)
      .mul(scale)
      .add(parameter(`${id}/beta`));
  };
  const compute = (node: Node): Tensor => {
    switch (node.op) {
      case 'input':
        return images;
      case 'conv':
        return tf.conv2d(output(node.input), withTaps(tf, node, parameter(`${node.id}/kernel`)), node.stride, 'same');
      case 'depthwiseConv': {
        const kernel = parameter(`${node.id}/kernel`) as Tensor4D;
        return tf.depthwiseConv2d(output(node.input), kernel, node.stride, 'same');
      }
      case 'batchNorm':
        return normalise(node.id, output(node.input));
      case 'relu':
        return output(node.input).relu();
      case 'relu6':
        return output(node.input).relu6();
      case 'gate':
        return output(node.input).mul(parameter(`${node.id}/gate`));
      case 'maxPool':
        return tf.maxPool(output(node.input), node.size, node.stride, 'same');
      case 'avgPool':
        return averagePool(tf, output(node.input), node);
      case 'globalAvgPool':
        return output(node.input).mean([1, 2], true);
      case 'flatten': {
        const x = output(node.input);
        return x.reshape([x.shape[0], 1, 1, x.size / x.shape[0]]);
      }
      case 'add':
        return output(node.inputs[0]).add(output(node.inputs[1]));
      case 'dense': {
        const vectors = vectorsOf(output(node.input));
        const product = tf.matMul(vectors, parameter(`${node.id}/kernel`) as Tensor2D);
        return product.add(parameter(`${node.id}/bias`)).reshape([vectors.shape[0], 1, 1, node.units]);
      }
    }
  };
  for (const node of network.nodes) outputs.set(node.id, through(node.id, compute(node) as Tensor4D));
  return { logits: vectorsOf(output(network.nodes.at(-1)?.id ?? '')), statistics };
}

/** [batch, 1, 1, channels] as [batch, channels]. */
const vectorsOf = (x: Tensor4D): Tensor2D => x.reshape([x.shape[0], x.shape[3]]);

/**
 * Mean over the part of each window that lies inside the input, as tf.avgPool computes it. Its gradient in tfjs 4.22
 * divides by the whole window at the borders too, so this is a sum by a depthwise convolution, over the pixels summed.
 */
function averagePool(tf: Tfjs, x: Tensor4D, { size, stride }: { size: number; stride: number }): Tensor {
  const [, height, width, channels] = x.shape;
  const sums = tf.depthwiseConv2d(x, tf.ones<Rank.R4>([size, size, channels, 1]), stride, 'same');
  const inside = tf.ones<Rank.R4>([1, height, width, 1]);
  return sums.div(tf.conv2d(inside, tf.ones<Rank.R4>([size, size, 1, 1]), stride, 'same'));
}

/** The kernel with zeros at pruned taps, so that their gradient is zero too. */
function withTaps(tf: Tfjs, { taps }: NodeOf<'conv'>, kernel: Tensor): Tensor4D {
  if (!taps) return kernel as Tensor4D;
  const [height = 1, width = 1, inputs = 1] = kernel.shape;
  const kept = Array.from({ length: height * width * inputs }, (_, i) =>
    Number(keepsTap(taps, i % inputs, Math.floor(i / inputs))),
  );
  return kernel.mul(tf.tensor4d(kept, [height, width, inputs, 1])) as Tensor4D;
}

function batchStatistics(tf: Tfjs, x: Tensor): BatchStatistics {
  const { mean, variance } = tf.moments(x, [0, 1, 2]);
  return { mean: mean as Tensor1D, variance: variance as Tensor1D };
}

/** Mean cross-entropy with label smoothing e: targets (1 - e) one-hot + e / classes. */
export function crossEntropy(tf: Tfjs, logits: Tensor2D, labels: Tensor1D, smoothing: number): Scalar {
  const classes = logits.shape[1];
  const targets = tf
    .oneHot(labels, classes)
    .mul(1 - smoothing)
    .add(smoothing / classes);
  return targets.mul(tf.logSoftmax(logits)).sum().div(-logits.shape[0]);
}
