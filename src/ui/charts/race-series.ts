import { type Clock, clockAt } from '../../core/events/clocks.ts';
import type { RunView } from '../../core/events/view.ts';
import { runStyle } from '../widgets/run-style.ts';
import { type ChartData, type ChartSeries, Points } from './series.ts';

/** A run as the charts of a race take it. */
export interface RacingRun {
  readonly run: number;
  readonly name: string;
  readonly colour: number;
  readonly selected: boolean;
  readonly view: RunView;
}

/** Places on a chart's clock at which training curves are read off, besides the ends of the runs. */
const PLACES = 200;
/** Training losses are averaged over this share of a run's steps, or the curves of a race cannot be told apart. */
const SMOOTHED_SHARE = 1 / 40;

/** Key of a run's values in the points. */
const keyOf = (run: number): string => `run${run}`;

const seriesOf = ({ run, name, colour, selected }: RacingRun): ChartSeries => ({
  key: keyOf(run),
  name,
  strong: selected,
  ...runStyle(colour),
});

/** Training losses of all runs, read off at the same places: each the mean over the run's latest steps there. */
export function raceLosses(runs: readonly RacingRun[], clock: Clock): ChartData {
  const points = new Points();
  const places = placesOf(runs, clock);
  for (const { run, view } of runs) {
    const clocks = view.train[clock];
    const end = clocks.at(-1) ?? 0;
    const window = Math.max(1, Math.round((view.start?.steps ?? 0) * SMOOTHED_SHARE));
    let told = 0;
    for (const x of places) {
      while (told < clocks.length && (clocks[told] ?? 0) <= x) told++;
      if (told === 0) continue;
      if (x > end) break;
      const mean = meanOf(view.train.loss, Math.max(0, told - window), told);
      if (Number.isFinite(mean)) points.at(x)[keyOf(run)] = mean;
    }
  }
  return { points: points.sorted(), series: runs.map(seriesOf) };
}

/** Test accuracies of all runs in percent, where each was measured. */
export function raceAccuracies(runs: readonly RacingRun[], clock: Clock): ChartData {
  const points = new Points();
  for (const { run, view } of runs)
    for (const { step, accuracy } of view.test) points.at(clockAt(view, clock, step))[keyOf(run)] = accuracy * 100;
  return { points: points.sorted(), series: runs.map((run) => ({ ...seriesOf(run), dots: true })) };
}

/**
 * Where a race's loss axis ends: the calmest run sets it, so that one that diverges does not press the others flat; it
 * leaves through the top.
 */
export function lossCeiling({ points, series }: ChartData): number {
  const largest = series
    .map(({ key }) => points.reduce((most, point) => Math.max(most, point[key] ?? 0), 0))
    .filter((most) => most > 0);
  return largest.length > 0 ? Math.max(3, Math.min(...largest)) : Infinity;
}

/** Even places up to the end of the longest run, on whole steps, and the end of each run. Ascending. */
function placesOf(runs: readonly RacingRun[], clock: Clock): readonly number[] {
  const ends = runs.map(({ view }) => view.train[clock].at(-1) ?? 0);
  const end = Math.max(0, ...ends);
  const even = Array.from({ length: PLACES }, (_, i) => (end * (i + 1)) / PLACES);
  const places = clock === 'step' ? even.map(Math.ceil) : even;
  return [...new Set([...places, ...ends])].filter((place) => place > 0).sort((a, b) => a - b);
}

function meanOf(values: readonly number[], from: number, end: number): number {
  let sum = 0;
  for (let i = from; i < end; i++) sum += values[i] ?? 0;
  return sum / (end - from);
}
