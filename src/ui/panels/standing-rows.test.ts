import { expect, test } from 'vitest';
import { type RunView, emptyView } from '../../core/events/view.ts';
import { type Lane, newLane } from '../../state/lanes.ts';
import { sharesOf, standingOf } from './standing-rows.ts';

const WEIGHTS = { accuracy: 2, macs: 1, latency: 1 };

const lane = (run: number, more: Partial<Lane> = {}): Lane => ({
  ...newLane(run, run, {} as Lane['spec']),
  state: 'done',
  ...more,
});
const ended = (accuracy: number, macs: number, median: number): RunView => ({
  ...emptyView(),
  macs,
  test: [{ step: 9, loss: 1, accuracy }],
  finish: { kind: 'finish', step: 9, latencyMs: [{ batch: 1, median, p95: 9, n: 9 }], imagesPerSecond: 100 },
});
const views: Readonly<Record<number, RunView>> = {
  1: ended(0.6, 50, 1),
  2: ended(0.7, 100, 2),
  3: { ...emptyView(), stop: { kind: 'diverged', step: 4, message: 'Training diverged.' } },
  4: emptyView(),
};
const liveOf = (run: number): RunView => views[run] ?? emptyView();

test('until all have ended it says which have not', () => {
  const lanes = [lane(1), lane(3, { state: 'error' }), lane(4, { state: 'running' })];
  expect(standingOf(lanes, liveOf, WEIGHTS)).toEqual({ decided: false, ended: 2, pending: [lanes[2]] });
});

test('then the best first, and those that stopped last with their reason', () => {
  const lanes = [lane(3, { state: 'error' }), lane(1), lane(2)];
  const heavy = standingOf(lanes, liveOf, { accuracy: 3, macs: 1, latency: 1 });
  expect(heavy.decided && heavy.rows.map(({ lane: { run }, place }) => [run, place.rank, place.stopped])).toEqual([
    [2, 1, null],
    [1, 2, null],
    [3, 3, 'Training diverged.'],
  ]);
  const light = standingOf(lanes, liveOf, { accuracy: 1, macs: 1, latency: 1 });
  expect(light.decided && light.rows.map(({ lane: { run } }) => run)).toEqual([1, 2, 3]);
});

test('a score is told as a share of the most that the weights give', () => {
  const standing = standingOf([lane(1), lane(2)], liveOf, { accuracy: 3, macs: 1, latency: 0 });
  if (!standing.decided) throw new Error('The standing is not decided.');
  expect(standing.rows.map(({ place }) => sharesOf(place))).toEqual([
    {
      score: 0.75,
      parts: [
        { criterion: 'accuracy', share: 0.75 },
        { criterion: 'macs', share: 0 },
        { criterion: 'latency', share: 0 },
      ],
    },
    {
      score: 0.25,
      parts: [
        { criterion: 'accuracy', share: 0 },
        { criterion: 'macs', share: 0.25 },
        { criterion: 'latency', share: 0 },
      ],
    },
  ]);
  const none = standingOf([lane(1), lane(2)], liveOf, { accuracy: 0, macs: 0, latency: 0 });
  expect(none.decided && none.rows.map(({ place }) => sharesOf(place).score)).toEqual([0, 0]);
});
