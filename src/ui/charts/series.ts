import { decimate } from '../../core/events/decimate.ts';
import type { RunView } from '../../core/events/view.ts';

/** One step of a chart: `step` and the series' values there. */
export type ChartPoint = { step: number } & Record<string, number>;

export interface ChartSeries {
  readonly key: string;
  readonly name: string;
  readonly colour: string;
  readonly dash?: string;
  /** Few measured points, each marked. */
  readonly dots?: boolean;
}

export interface ChartData {
  readonly points: readonly ChartPoint[];
  readonly series: readonly ChartSeries[];
}

/** Points a chart shows at most: more cost frames and cannot be told apart. */
const MOST_POINTS = 300;

const TRAIN = { colour: 'var(--series-1)' };
const TEST = { colour: 'var(--series-2)', dots: true };

export const lossSeries = (view: RunView): ChartData => ({
  points: joined(view, view.train.loss, (test) => test.loss, 1),
  series: [
    { key: 'train', name: 'training', ...TRAIN },
    { key: 'test', name: 'test', ...TEST },
  ],
});

export const accuracySeries = (view: RunView): ChartData => ({
  points: joined(view, view.train.accuracy, (test) => test.accuracy, 100),
  series: [
    { key: 'train', name: 'training', ...TRAIN },
    { key: 'test', name: 'test', ...TEST },
  ],
});

/** Training values thinned out, test values all, merged by step. */
function joined(
  view: RunView,
  train: readonly number[],
  test: (point: RunView['test'][number]) => number,
  scale: number,
): ChartPoint[] {
  const byStep = new Map<number, ChartPoint>();
  const at = (step: number): ChartPoint => {
    const point = byStep.get(step) ?? { step };
    byStep.set(step, point);
    return point;
  };
  for (const index of decimate(train, MOST_POINTS))
    at(view.train.step[index] ?? 0)['train'] = (train[index] ?? 0) * scale;
  for (const point of view.test) at(point.step)['test'] = test(point) * scale;
  return [...byStep.values()].sort((a, b) => a.step - b.step);
}

const COLOURS = [
  'var(--series-1)',
  'var(--series-2)',
  'var(--series-3)',
  'var(--series-4)',
  'var(--series-5)',
  'var(--series-6)',
];
const DASHES = [undefined, '5 3', '2 2', '8 3 2 3'];

/** Widths of the layers that the scheme may cut (of all layers where it cuts none), at every change. */
export function widthSeries(view: RunView): ChartData {
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
    return { ...(Object.fromEntries(widths) as Record<string, number>), step };
  });
  const series = layers.map(({ layer }, index): ChartSeries => {
    const dash = DASHES[Math.floor(index / COLOURS.length) % DASHES.length];
    return { key: layer, name: layer, colour: COLOURS[index % COLOURS.length] ?? '', ...(dash ? { dash } : {}) };
  });
  return { points, series };
}
