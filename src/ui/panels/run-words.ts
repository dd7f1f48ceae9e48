import type { RunView } from '../../core/events/view.ts';
import type { Lane } from '../../state/lanes.ts';
import { percent } from '../widgets/format.ts';
import { schemeProgressOf } from './status.ts';

const STATES: Readonly<Record<Lane['state'], string>> = {
  loading: 'preparing',
  idle: 'ready',
  running: 'running',
  paused: 'paused',
  done: 'done',
  error: 'stopped',
};

/** How a run stands, in a word, or how far its scheme is with what it computes between two steps. */
export function stateOf({ recorded, state, problem, schemeProgress }: Lane, live: RunView): string {
  if (recorded) return 'recorded';
  if (schemeProgress && (state === 'loading' || state === 'running')) return schemeProgressOf(schemeProgress);
  if (state !== 'error') return STATES[state];
  if (live.stop?.kind === 'diverged') return 'diverged';
  return problem && !live.start ? 'refused' : 'stopped';
}

/** Why a run stopped or was refused: a sentence; null while all is well. */
export const reasonOf = ({ problem, state }: Lane, live: RunView): string | null =>
  problem?.message ?? (state === 'error' ? (live.stop?.message ?? null) : null);

/** The figures of a lane at the step that is looked at. */
export function laneFigures(view: RunView): { steps: string; test: string; macs: string } {
  const count = (steps: number): string => steps.toLocaleString('en');
  const accuracy = view.test.at(-1)?.accuracy;
  return {
    steps: view.start ? `${count(view.step)}/${count(view.start.steps)}` : '',
    test: accuracy === undefined ? '–' : percent(accuracy),
    macs: view.start ? percent(view.macs / view.start.dense.macs, 0) : '–',
  };
}

/** Where a fork comes from; null for a run that began by itself. A parent that was renamed since goes by its new name. */
export function originOf(lane: Lane, view: RunView, lanes: readonly Lane[]): string | null {
  const step = lane.parent?.step ?? view.parent?.step;
  const parent = lanes.find(({ run }) => run === lane.parent?.run);
  const name = parent?.spec.name ?? view.parent?.name;
  if (step === undefined) return null;
  return `fork${name ? ` of ${name}` : ''} at step ${step.toLocaleString('en')}`;
}

/** Peak learning rate and weight decay that a run goes on with. */
export function settingsOf({ start, settings }: RunView): { learningRate: number; weightDecay: number } | null {
  if (!start) return null;
  const { train } = start.spec;
  return {
    learningRate:
      settings.findLast((setting) => setting.learningRate !== undefined)?.learningRate ?? train.learningRate,
    weightDecay: settings.findLast((setting) => setting.weightDecay !== undefined)?.weightDecay ?? train.weightDecay,
  };
}
