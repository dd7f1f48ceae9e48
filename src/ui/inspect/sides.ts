import type { RunView } from '../../core/events/view.ts';
import type { Lane } from '../../state/lanes.ts';

/** A run as it stands now, or (`at`) as a checkpoint of that step has it. */
export interface Chosen {
  readonly run: number;
  readonly at?: number;
}

/** Runs that can be asked: a recording computes nothing. */
export const askable = <L extends Pick<Lane, 'recorded'>>(lanes: readonly L[]): readonly L[] =>
  lanes.filter(({ recorded }) => !recorded);

/** The run that a panel begins with: the selected one, or the first that can be asked. */
export function firstRun(lanes: readonly Pick<Lane, 'run' | 'recorded'>[], selected: number): number | null {
  const runs = askable(lanes).map(({ run }) => run);
  return runs.includes(selected) ? selected : (runs[0] ?? null);
}

/**
 * The checkpoint that shows a run before it was pruned last: the newest that is no later than that decision (a
 * checkpoint is taken before what is due at its step), else its first; null where there is none.
 */
export function beforeLatestPrune(
  { snapshots }: Pick<Lane, 'snapshots'>,
  { decisions }: Pick<RunView, 'decisions'>,
): number | null {
  const prune = decisions.findLast(({ pruned }) => pruned > 0);
  const before = prune && snapshots.findLast((step) => step <= prune.step);
  return before ?? snapshots[0] ?? null;
}

/**
 * The two networks that are compared at first. B is the chosen run now; A what it is to be compared with: a dense run of
 * the page if there is another one, else the run before it was pruned last.
 */
export function firstSides(
  lanes: readonly Pick<Lane, 'run' | 'recorded' | 'spec' | 'snapshots'>[],
  selected: number,
  viewOf: (run: number) => Pick<RunView, 'decisions'>,
): { readonly a: Chosen; readonly b: Chosen } | null {
  const run = firstRun(lanes, selected);
  const lane = lanes.find((candidate) => candidate.run === run);
  if (!lane) return null;
  const dense = askable(lanes).find((other) => other.run !== lane.run && other.spec.scheme.id === 'dense');
  if (dense) return { a: { run: dense.run }, b: { run: lane.run } };
  const at = beforeLatestPrune(lane, viewOf(lane.run));
  return { a: at === null ? { run: lane.run } : { run: lane.run, at }, b: { run: lane.run } };
}
