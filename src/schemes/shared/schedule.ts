import type { OptionValue } from '../../core/spec/options.ts';

/** When a ranking scheme prunes: `iterations` times, first after `at` steps, then every so many. */
export interface PruningSchedule {
  readonly at: number;
  readonly iterations: number;
  readonly every: number;
}

export const scheduleOf = (options: Readonly<Record<string, OptionValue>>): PruningSchedule => ({
  at: Number(options['at']),
  iterations: Number(options['iterations']),
  every: Number(options['every']),
});

/** Step of the last pruning. */
export const lastPruning = ({ at, iterations, every }: PruningSchedule): number => at + (iterations - 1) * every;

/** Which pruning, 1 to `iterations`, comes after `step` updates; 0 for none. */
export function pruningAt(step: number, schedule: PruningSchedule): number {
  const { at, every } = schedule;
  if (step < at || step > lastPruning(schedule) || (step - at) % every !== 0) return 0;
  return (step - at) / every + 1;
}

/** Share to keep after one of the prunings: what is removed grows linearly, and the last one meets the budget. */
export const keepAfter = (keep: number, pruning: number, iterations: number): number =>
  pruning === iterations ? keep : 1 - ((1 - keep) * pruning) / iterations;
