import { type Spread, spreadOf } from '../report/groups.ts';
import type { Method } from './data.ts';

/** Which of two methods is more accurate, as far as their runs tell. */
export interface Ordering {
  /** Mean accuracy of the first less that of the second, as a share. */
  readonly difference: number;
  /** The larger of the two spreads: most less least over the seeds. */
  readonly spread: number;
  /** Whether the difference exceeds the spread and every run of one is above every run of the other. */
  readonly told: boolean;
}

/** Test accuracy over the seeds. */
export function accuracyOf({ name, runs }: Method): Spread {
  const spread = spreadOf(runs.map(({ testAccuracy }) => testAccuracy));
  if (!spread) throw new Error(`${name} has no runs.`);
  return spread;
}

export function orderingOf(first: Method, second: Method): Ordering {
  const [a, b] = [accuracyOf(first), accuracyOf(second)];
  const difference = a.mean - b.mean;
  const spread = Math.max(a.max - a.min, b.max - b.min);
  const apart = a.min > b.max || b.min > a.max;
  return { difference, spread, told: apart && Math.abs(difference) > spread };
}

/** The most accurate first. */
export const byAccuracy = (methods: readonly Method[]): readonly Method[] =>
  methods.toSorted((a, b) => accuracyOf(b).mean - accuracyOf(a).mean);
