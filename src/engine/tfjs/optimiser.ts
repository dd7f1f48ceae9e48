import type { Tensor } from '@tensorflow/tfjs';
import { BATCH_NORM_MOMENTUM, decayed } from '../../core/network/index.ts';
import type { Hyper } from '../engine.ts';
import type { Tfjs } from './backend.ts';
import type { BatchStatistics } from './forward.ts';
import type { RunningTensor, RunningTensors } from './running.ts';

/**
 * One update of a trained tensor by SGD as PyTorch defines it: g = gradient + weightDecay w (kernels only),
 * v = momentum v + g, w -= learningRate (g + momentum v with Nesterov, else v).
 */
export function updateTensor(
  tf: Tfjs,
  { spec, values, momentum }: RunningTensor,
  gradient: Tensor,
  hyper: Hyper,
): void {
  if (!momentum) return;
  tf.tidy(() => {
    const g = decayed(spec.role) ? gradient.add(values.mul(hyper.weightDecay)) : gradient;
    momentum.assign(momentum.mul(hyper.momentum).add(g));
    const update = hyper.nesterov ? g.add(momentum.mul(hyper.momentum)) : momentum;
    values.assign(values.sub(update.mul(hyper.learningRate)));
  });
}

/** Moves the running statistics of the batch norm `id` a tenth of the way to the batch's (biased variance). */
export function blendStatistics(
  tf: Tfjs,
  running: RunningTensors,
  id: string,
  { mean, variance }: BatchStatistics,
): void {
  const blend = (name: string, fresh: Tensor): void => {
    const old = running.values(name);
    old.assign(old.mul(BATCH_NORM_MOMENTUM).add(fresh.mul(1 - BATCH_NORM_MOMENTUM)));
  };
  tf.tidy(() => {
    blend(`${id}/mean`, mean);
    blend(`${id}/variance`, variance);
  });
}
