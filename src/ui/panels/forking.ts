import { forkProblems } from '../../core/spec/fork.ts';
import { MOST_RUNS } from '../../core/spec/race.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { checkpointBefore } from '../canvas/strip.ts';

export interface Forking {
  /** The checkpoint that a fork would set off from: the last up to the step shown, while live the latest. */
  readonly step: number | null;
  /** Why there can be no fork; null when there can. */
  readonly obstacle: string | null;
}

/** Whether and where the selected run can be forked with what the form and the map say. */
export function useForking(): Forking {
  const lab = useLab();
  const lanes = useLabState((state) => state.lanes);
  const selected = useLabState((state) => state.selected);
  const cursor = useLabState((state) => state.cursor);
  const parsed = useLabState((state) => state.parsed);
  useLabState((state) => state.published);
  const lane = lanes.find(({ run }) => run === selected);
  const step = checkpointBefore(lane?.snapshots ?? [], cursor);
  const obstacle = (): string | null => {
    if (!lane) return 'There is no run to fork.';
    if (lane.recorded) return 'A recording has no checkpoints to fork from.';
    if (step === null) return noCheckpoint(lane.snapshots[0], cursor);
    if (lanes.length >= MOST_RUNS) return `A race has at most ${MOST_RUNS} runs. Remove one first.`;
    if (!parsed.ok) return 'The set-up needs a correction first.';
    // A batch that was halved in the run is its parent's too.
    const parent = lab.live(selected).start?.spec ?? lane.spec;
    return forkProblems(parent, parsed.spec, step, lab.schemes)[0]?.message ?? null;
  };
  return { step, obstacle: obstacle() };
}

function noCheckpoint(first: number | undefined, cursor: number | null): string {
  if (first === undefined || cursor === null)
    return 'No checkpoint yet: one is kept at every decision and evaluation, and where the run pauses.';
  return `No checkpoint up to step ${cursor.toLocaleString('en')}: the first is at step ${first.toLocaleString('en')}.`;
}
