import type { Tensor } from '@tensorflow/tfjs';
import { BATCH_NORM_MOMENTUM, decayed } from '../../core/network/index.ts';
import type { Hyper } from '../engine.ts';
import type { Tfjs } from './backend.ts';
import type { BatchStatistics } from './forward.ts';
import { type RunningRule, penaltyGradient } from './rules.ts';
import type { RunningTensor, RunningTensors } from './running.ts';

/**
 * One update of a trained tensor by SGD as PyTorch defines it: g = gradient + weightDecay w (kernels only),
 * v = momentum v + g, w -= learningRate (g + momentum v with Nesterov, else v). A rule changes it as UpdateRule says.
 */
export function updateTensor(
  tf: Tfjs,
  { spec, values, momentum }: RunningTensor,
  gradient: Tensor,
  hyper: Hyper,
  running?: RunningRule,
): void {
  if (!momentum) return;
  const { rule, mask, gradientMask } = running ?? {};
  const weightDecay = rule?.weightDecay ?? (decayed(spec.role) ? hyper.weightDecay : 0);
  const share = rule?.momentum ?? hyper.momentum;
  const learningRate = hyper.learningRate * (rule?.learningRateScale ?? 1);
  tf.tidy(() => {
    let g = gradientMask ? gradient.mul(gradientMask) : gradient;
    if (weightDecay !== 0) g = g.add(values.mul(weightDecay));
    const penalty = running && penaltyGradient(tf, running, values);
    if (penalty) g = g.add(penalty);
    const v = momentum.mul(share).add(g);
    let w = values.sub((hyper.nesterov ? g.add(v.mul(share)) : v).mul(learningRate));
    if (rule?.proximal !== undefined) w = softThreshold(w, learningRate * rule.proximal);
    // Chosen, not multiplied: a masked weight is +0 even where the update is negative or not finite.
    const masked = (x: Tensor): Tensor => (mask ? tf.where(mask, x, tf.zerosLike(x)) : x);
    momentum.assign(masked(v));
    values.assign(masked(w));
  });
}

/** sign(w) max(|w| - threshold, 0) */
const softThreshold = (w: Tensor, threshold: number): Tensor => w.sign().mul(w.abs().sub(threshold).relu());

/** Moves the running statistics of the batch norm `id` a tenth of the way to the batch's (biased variance). */
export function blendStatistics(
  tf: Tfjs,
  running: RunningTensors,
  id: string,
  { mean, variance }: BatchStatistics,
  keep: number = BATCH_NORM_MOMENTUM,
): void {
  const blend = (name: string, fresh: Tensor): void => {
    const old = running.values(name);
    old.assign(old.mul(keep).add(fresh.mul(1 - keep)));
  };
  tf.tidy(() => {
    blend(`${id}/mean`, mean);
    blend(`${id}/variance`, variance);
  });
}
