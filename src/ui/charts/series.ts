import { type Clock, clockAt } from '../../core/events/clocks.ts';
import { decimate } from '../../core/events/decimate.ts';
import type { RunView } from '../../core/events/view.ts';
import { type LineStyle, runStyle } from '../widgets/run-style.ts';

/** One place of a chart: `x` on its clock, and the series' values there. */
export type ChartPoint = { x: number } & Record<string, number>;

export interface ChartSeries extends LineStyle {
  readonly key: string;
  readonly name: string;
  /** Few measured points, each marked. */
  readonly dots?: boolean;
  /** Drawn stronger than the others. */
  readonly strong?: boolean;
}

export interface ChartData {
  readonly points: readonly ChartPoint[];
  readonly series: readonly ChartSeries[];
}

/** Points a chart shows at most: more cost frames and cannot be told apart. */
const MOST_POINTS = 300;

const TRAIN: ChartSeries = { key: 'train', name: 'training', ...runStyle(0) };
const TEST: ChartSeries = { key: 'test', name: 'test', ...runStyle(1), dash: undefined, dots: true };

/** Training and test loss of one run. */
export const lossSeries = (view: RunView, clock: Clock = 'step'): ChartData => ({
  points: joined(view, clock, view.train.loss, (test) => test.loss, 1),
  series: [TRAIN, TEST],
});

/** Training and test accuracy of one run, in percent. */
export const accuracySeries = (view: RunView, clock: Clock = 'step'): ChartData => ({
  points: joined(view, clock, view.train.accuracy, (test) => test.accuracy, 100),
  series: [TRAIN, TEST],
});

/** Training values thinned out, test values all, merged by their place on the clock. */
function joined(
  view: RunView,
  clock: Clock,
  train: readonly number[],
  test: (point: RunView['test'][number]) => number,
  scale: number,
): ChartPoint[] {
  const merged = new Points();
  for (const index of decimate(train, MOST_POINTS))
    merged.at(view.train[clock][index] ?? 0)['train'] = (train[index] ?? 0) * scale;
  for (const point of view.test) merged.at(clockAt(view, clock, point.step))['test'] = test(point) * scale;
  return merged.sorted();
}

/** Points of several series, one for each place. */
export class Points {
  readonly #byPlace = new Map<number, ChartPoint>();

  at(x: number): ChartPoint {
    const point = this.#byPlace.get(x) ?? { x };
    this.#byPlace.set(x, point);
    return point;
  }

  sorted(): ChartPoint[] {
    return [...this.#byPlace.values()].sort((a, b) => a.x - b.x);
  }
}

const COLOURS = 6;
const DASHES = [undefined, '5 3', '2 2', '8 3 2 3'];

/** Widths of the layers that the scheme may cut (of all layers where it cuts none), at every change. */
export function widthSeries(view: RunView, clock: Clock = 'step'): ChartData {
  const prunable = view.layers.filter((layer) => layer.prunable);
  const layers = prunable.length > 0 ? prunable : view.layers;
  const steps = [...new Set([...layers.flatMap(({ widths }) => widths.map(({ step }) => step)), view.step])].sort(
    (a, b) => a - b,
  );
  const points = steps.map((step) => {
    const widths = layers.map((layer) => [
      layer.layer,
      layer.widths.findLast((point) => point.step <= step)?.width ?? layer.total,
    ]);
    return { ...(Object.fromEntries(widths) as Record<string, number>), x: clockAt(view, clock, step) };
  });
  const series = layers.map(({ layer }, index): ChartSeries => {
    const dash = DASHES[Math.floor(index / COLOURS) % DASHES.length];
    return { key: layer, name: layer, colour: runStyle(index % COLOURS).colour, dash };
  });
  return { points, series };
}
