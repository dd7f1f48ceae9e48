import { type Spec, totalSteps, warmupSteps } from '../core/spec/spec.ts';
import type { Hyper } from '../engine/engine.ts';

/**
 * What the optimiser uses in each step (steps count from 0). The learning rate rises linearly, reaching its full value
 * in the last warm-up step, then stays or falls along half a cosine whose zero lies at the end of the run
 * (Loshchilov and Hutter 2017, without restarts).
 */
export function hyperOf(spec: Pick<Spec, 'data' | 'train'>): (step: number) => Hyper {
  const { learningRate, momentum, nesterov, weightDecay, schedule } = spec.train;
  const steps = totalSteps(spec);
  const warmup = warmupSteps(spec);
  const factor = (step: number): number => {
    if (step < warmup) return (step + 1) / warmup;
    if (schedule === 'constant') return 1;
    return (1 + Math.cos((Math.PI * (step - warmup)) / Math.max(1, steps - warmup))) / 2;
  };
  return (step) => ({ learningRate: learningRate * factor(step), momentum, nesterov, weightDecay });
}
