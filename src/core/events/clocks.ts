import type { RunView } from './view.ts';

/**
 * What a run's progress can be measured by: training steps, wall time of those steps (without evaluations, decisions and
 * pauses), or MACs spent: the multiply-adds of the forward passes of all images trained on, that is the network's MACs
 * at each step times its batch, summed. A backward pass costs about twice its forward pass whatever the network, so leaving
 * it out hardly changes a comparison. A fork's clocks include what its parent spent up to the fork.
 */
export type Clock = 'step' | 'seconds' | 'macs';

/** The clocks, with what their axis says. */
export const CLOCKS: readonly { readonly id: Clock; readonly title: string; readonly axis: string }[] = [
  { id: 'step', title: 'Steps', axis: 'training step' },
  { id: 'seconds', title: 'Wall time', axis: 'seconds of training' },
  { id: 'macs', title: 'MACs spent', axis: 'MACs of the forward passes' },
];

/** A clock after `step` updates, as for an evaluation or a decision there; 0 before the first. */
export function clockAt({ train }: Pick<RunView, 'train'>, clock: Clock, step: number): number {
  if (clock === 'step') return step;
  const told = lastAtMost(train.step, step);
  return train[clock][told] ?? 0;
}

/** Index of the last of the ascending values that is at most `limit`; -1 when all are above. */
function lastAtMost(values: readonly number[], limit: number): number {
  let from = 0;
  let end = values.length;
  while (from < end) {
    const middle = (from + end) >>> 1;
    if ((values[middle] ?? 0) <= limit) from = middle + 1;
    else end = middle;
  }
  return from - 1;
}
