import type { Scalar, Tensor, Tensor1D, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import { BATCH_NORM_EPSILON, type Network } from '../../core/network/index.ts';
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
): ForwardResult {
  const statistics = new Map<string, BatchStatistics>();
  const outputs = new Map<string, Tensor>();
  const output = (id: string): Tensor => {
    const tensor = outputs.get(id);
    if (!tensor) throw new Error(`network ${network.id}: "${id}" has no output yet`);
    return tensor;
  };
  const normalise = (id: string, x: Tensor): Tensor => {
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
  for (const node of network.nodes) {
    switch (node.op) {
      case 'input':
        outputs.set(node.id, images);
        break;
      case 'conv':
        outputs.set(
          node.id,
          tf.conv2d(output(node.input) as Tensor4D, parameter(`${node.id}/kernel`) as Tensor4D, node.stride, 'same'),
        );
        break;
      case 'batchNorm':
        outputs.set(node.id, normalise(node.id, output(node.input)));
        break;
      case 'relu':
        outputs.set(node.id, output(node.input).relu());
        break;
      case 'maxPool':
        outputs.set(node.id, tf.maxPool(output(node.input) as Tensor4D, node.size, node.stride, 'same'));
        break;
      case 'globalAvgPool':
        outputs.set(node.id, output(node.input).mean([1, 2]));
        break;
      case 'add':
        outputs.set(node.id, output(node.inputs[0]).add(output(node.inputs[1])));
        break;
      case 'dense': {
        const product = tf.matMul(output(node.input) as Tensor2D, parameter(`${node.id}/kernel`) as Tensor2D);
        outputs.set(node.id, product.add(parameter(`${node.id}/bias`)));
        break;
      }
    }
  }
  return { logits: output(network.nodes.at(-1)?.id ?? '') as Tensor2D, statistics };
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
