import { describe, expect, test } from 'vitest';
import { type RunView, emptyView } from '../../core/events/view.ts';
import { type RacingRun, lossCeiling, raceAccuracies, raceLosses } from './race-series.ts';
import { runStyle } from '../widgets/run-style.ts';

/** A run whose steps take a second and ten MACs each, times a factor. */
function view(losses: readonly number[], factor = 1, steps = 40): RunView {
  const at = (each: number): number[] => losses.map((_, i) => (i + 1) * each);
  return {
    ...emptyView(),
    step: losses.length,
    start: {
      kind: 'start',
      step: 0,
      spec: {} as NonNullable<RunView['start']>['spec'],
      steps,
      stepsPerEpoch: 10,
      adapter: { backend: 'tfjs', vendor: '', architecture: '', description: '' },
      dense: { macs: 10, parameters: 1, widths: {} },
      prunable: [],
    },
    train: {
      step: at(1),
      loss: [...losses],
      accuracy: losses.map(() => 0),
      seconds: at(factor),
      macs: at(10 * factor),
    },
  };
}
const racing = (run: number, of: RunView): RacingRun => ({
  run,
  name: `Run ${run}`,
  colour: run,
  selected: run === 1,
  view: of,
});

describe('losses of a race', () => {
  test('by step: one point a step, each run’s in its own key, up to where it stands', () => {
    const { points, series } = raceLosses([racing(1, view([3, 2, 1])), racing(2, view([5]))], 'step');
    expect(points).toEqual([
      { x: 1, run1: 3, run2: 5 },
      { x: 2, run1: 2 },
      { x: 3, run1: 1 },
    ]);
    expect(series[1]).toEqual({ key: 'run2', name: 'Run 2', strong: false, ...runStyle(2) });
  });

  test('by another clock each run keeps its own pace, and its last value', () => {
    const { points } = raceLosses([racing(1, view([3, 2])), racing(2, view([5, 4], 2))], 'seconds');
    expect(points.find(({ x }) => x === 2)).toEqual({ x: 2, run1: 2, run2: 5 });
    expect(points.at(-1)).toEqual({ x: 4, run2: 4 });
    expect(points.every((point) => point.x > 2 === (point['run1'] === undefined) || point.x < 1)).toBe(true);
  });

  test('long runs are averaged over a share of their steps, and thinned out', () => {
    const losses = Array.from({ length: 1_000 }, (_, i) => (i % 2 === 0 ? 1 : 3));
    const { points } = raceLosses([racing(1, view(losses, 1, 1_000))], 'step');
    expect(points.length).toBe(200);
    expect(points.slice(10).every(({ run1 = 0 }) => Math.abs(run1 - 2) < 0.1)).toBe(true);
  });

  test('a run that diverges leaves through the top; alone it has the axis', () => {
    const wild = racing(2, view([2.3, 1e6, Infinity]));
    const both = raceLosses([racing(1, view([2.5, 4, 2])), wild], 'step');
    expect(both.points.at(-1)).toEqual({ x: 3, run1: 2 });
    expect(lossCeiling(both)).toBe(4);
    expect(lossCeiling(raceLosses([wild], 'step'))).toBe(1e6);
    expect(lossCeiling(raceLosses([], 'step'))).toBe(Infinity);
  });
});

test('accuracies of a race stand where they were measured', () => {
  const first = { ...view([1, 1, 1]), test: [{ step: 2, loss: 1, accuracy: 0.5 }] };
  const second = { ...view([1, 1, 1], 3), test: [{ step: 2, loss: 1, accuracy: 0.25 }] };
  const runs = [racing(1, first), racing(2, second)];
  expect(raceAccuracies(runs, 'step').points).toEqual([{ x: 2, run1: 50, run2: 25 }]);
  expect(raceAccuracies(runs, 'macs').points).toEqual([
    { x: 20, run1: 50 },
    { x: 60, run2: 25 },
  ]);
});
