import type { RunView } from '../../core/events/view.ts';
import type { SchemeProgress } from '../../core/scheme/scheme.ts';
import type { Lane } from '../../state/lanes.ts';
import type { LabState } from '../../state/state.ts';
import { duration } from '../widgets/format.ts';

/** How far one run is: live, whatever is looked at. */
export interface RunProgress {
  readonly view: Pick<RunView, 'step' | 'epoch' | 'batchSize' | 'imagesPerSecond' | 'finish'>;
  readonly state: Lane['state'];
  readonly schemeProgress: Lane['schemeProgress'];
  readonly steps: number;
  /** Share of its steps that it has made. */
  readonly share: number;
}

/** How far a scheme is with what it computes between two steps. */
export const schemeProgressOf = ({ what, done, of }: SchemeProgress): string =>
  `${what}: ${number(done)} of ${number(of)}`;

const number = (value: number): string => Math.round(value).toLocaleString('en');
const progressOf = ({ view, steps }: RunProgress): string => `Step ${number(view.step)} of ${number(steps)}`;

/** What is going on, in one line: progress with time left and speed, or what is being waited for. */
export function statusOf(state: Pick<LabState, 'runState' | 'data' | 'parsed'>, runs: readonly RunProgress[]): string {
  const [one] = runs;
  const { runState, data, parsed } = state;
  if (runState === 'loading' || !one) {
    const schemeProgress = runs.flatMap((run) => run.schemeProgress ?? [])[0];
    if (schemeProgress) return schemeProgressOf(schemeProgress);
    return data && data.loadedImages < data.totalImages
      ? `Loading images: ${number(data.loadedImages)} of ${number(data.totalImages)}`
      : 'Preparing the network';
  }
  if (runState === 'idle') {
    if (!parsed.ok) return 'The set-up needs a correction before it can run.';
    if (runs.length > 1) return `Ready: ${runs.length} runs on the same batches. Press Run.`;
    return `Ready: ${number(one.steps)} steps. Press Run.`;
  }
  return runs.length > 1 ? raceStatus(runState, runs) : runStatus(runState, one);
}

function runStatus(state: LabState['runState'], run: RunProgress): string {
  const { view, schemeProgress } = run;
  switch (state) {
    case 'running':
      if (schemeProgress) return `${progressOf(run)}, epoch ${view.epoch}, ${schemeProgressOf(schemeProgress)}`;
      if (view.imagesPerSecond === 0) return 'First step ...';
      return `${progressOf(run)}, epoch ${view.epoch}, ${number(view.imagesPerSecond)} images/s, ${duration(secondsLeft(run))} left`;
    case 'done':
      return `${progressOf(run)}, done${view.finish ? `: ${number(view.finish.imagesPerSecond)} images/s` : ''}`;
    case 'error':
      return view.step > 0 ? `Stopped at step ${number(view.step)}; its history is kept below` : 'Stopped';
    default:
      return `${progressOf(run)}, epoch ${view.epoch}, paused`;
  }
}

/** Several runs: where the slowest of those that have not ended stands, and how many have. */
function raceStatus(state: LabState['runState'], runs: readonly RunProgress[]): string {
  const count = (wanted: Lane['state']): number => runs.filter((run) => run.state === wanted).length;
  const ended = [
    ...(count('done') > 0 ? [`${count('done')} done`] : []),
    ...(count('error') > 0 ? [`${count('error')} stopped`] : []),
  ];
  const going = runs.filter((run) => run.state !== 'done' && run.state !== 'error');
  const slowest = going.toSorted((a, b) => a.share - b.share)[0];
  if (!slowest) return [`${runs.length} runs`, ...ended].join(', ');
  const place = `${runs.length} runs, the slowest at step ${number(slowest.view.step)} of ${number(slowest.steps)}`;
  if (state !== 'running') return [place, ...ended, 'paused'].join(', ');
  const scheme = going.flatMap(({ schemeProgress }) => schemeProgress ?? [])[0];
  // Nobody can tell how long a search takes.
  if (scheme) return [place, ...ended, schemeProgressOf(scheme)].join(', ');
  if (going.some(({ view }) => view.imagesPerSecond === 0)) return [place, ...ended].join(', ');
  // They take turns on one device.
  const left = going.reduce((sum, run) => sum + secondsLeft(run), 0);
  return [place, ...ended, `${duration(left)} left`].join(', ');
}

const secondsLeft = ({ view, steps }: RunProgress): number =>
  ((steps - view.step) * view.batchSize) / view.imagesPerSecond;
