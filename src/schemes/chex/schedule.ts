export type Decay = 'cosine' | 'linear' | 'constant';

/**
 * Regrow factor at time t of T_max: the share of each layer's full width that is switched back on (CHEX, Algorithm 3).
 * Cosine is the paper's; linear and constant are in the authors' earlier scripts. At T_max the first two reach 0.
 */
export function regrowFactor(initial: number, t: number, until: number, decay: Decay): number {
  const share = Math.min(t / until, 1);
  if (decay === 'constant') return share < 1 ? initial : 0;
  if (decay === 'linear') return initial * (1 - share);
  // cos(pi) is -1 only up to rounding; the last update must regrow nothing.
  return share < 1 ? (initial / 2) * (1 + Math.cos(Math.PI * share)) : 0;
}

/** Whether the structure is updated after `step` updates of the weights: every `every` steps and at the end, after the warm-up. */
export function updateDue(step: number, schedule: { every: number; until: number; warmupSteps: number }): boolean {
  const { every, until, warmupSteps } = schedule;
  if (step < 1 || step > until) return false;
  return step === until || (step % every === 0 && step >= warmupSteps);
}
