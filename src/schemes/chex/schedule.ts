export type Decay = 'cosine' | 'linear' | 'constant';

export interface Schedule {
  /** Steps between updates (Delta T). */
  readonly every: number;
  /** Step of the last update (T_max). */
  readonly until: number;
  /** Steps of the learning-rate warm-up, during which nothing is updated (ours). */
  readonly warmupSteps: number;
}

/**
 * Regrow factor at time t of T_max: the share of each layer's full width that is switched back on (CHEX, Algorithm 3).
 * Cosine is the paper's; linear and constant are in the authors' earlier scripts. It is 0 from T_max on, also for
 * `constant` (ours: the run must end on its budget).
 */
export function regrowFactor(initial: number, t: number, until: number, decay: Decay): number {
  if (t >= until) return 0;
  switch (decay) {
    case 'cosine':
      return (initial / 2) * (1 + Math.cos((Math.PI * t) / until));
    case 'linear':
      return initial * (1 - t / until);
    case 'constant':
      return initial;
  }
}

/** Whether to update after `step` training steps: every so many and at the end of exploring, after the warm-up. */
export function updateDue(step: number, { every, until, warmupSteps }: Schedule): boolean {
  if (step < Math.max(1, warmupSteps) || step > until) return false;
  return step === until || step % every === 0;
}
