import { expect, test } from 'vitest';
import type { DecisionView } from '../../core/events/view.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { SCHEMES } from '../../schemes/index.ts';
import { newLane } from '../../state/lanes.ts';
import { beforeLatestPrune, firstRun, firstSides } from './sides.ts';

const laneOf = (run: number, scheme: string, snapshots: readonly number[] = []) => {
  const parsed = parseSpec({ version: 1, model: { id: 'convnet-micro' }, scheme: { id: scheme } }, SCHEMES);
  if (!parsed.ok) throw new Error('The spec was refused.');
  return { ...newLane(run, 0, parsed.spec), snapshots };
};
const decision = (step: number, pruned: number): DecisionView => ({ step, pruned, regrown: 1, kept: 1 });
const undecided = () => ({ decisions: [] });

test('the checkpoint before the latest prune is the newest one no later than it', () => {
  const decisions = [decision(10, 4), decision(20, 3), decision(30, 0)];
  expect(beforeLatestPrune({ snapshots: [0, 10, 20, 30, 40] }, { decisions })).toBe(20);
  expect(beforeLatestPrune({ snapshots: [0, 15, 25] }, { decisions })).toBe(15);
  // Thinned out: what there is.
  expect(beforeLatestPrune({ snapshots: [25, 40] }, { decisions })).toBe(25);
  expect(beforeLatestPrune({ snapshots: [0, 40] }, { decisions: [] })).toBe(0);
  expect(beforeLatestPrune({ snapshots: [] }, { decisions })).toBeNull();
});

test('a pruned run is compared with a dense run of the page, where there is one', () => {
  const lanes = [laneOf(1, 'chex', [0, 10]), laneOf(2, 'dense', [0])];
  expect(firstSides(lanes, 1, undecided)).toEqual({ a: { run: 2 }, b: { run: 1 } });
  // The dense run itself, with how it began.
  expect(firstSides(lanes, 2, undecided)).toEqual({ a: { run: 2, at: 0 }, b: { run: 2 } });
});

test('alone, it is compared with itself before it was pruned', () => {
  const lanes = [laneOf(1, 'chex', [0, 10, 20])];
  expect(firstSides(lanes, 1, () => ({ decisions: [decision(10, 2)] }))).toEqual({
    a: { run: 1, at: 10 },
    b: { run: 1 },
  });
  expect(firstSides([laneOf(1, 'chex')], 1, undecided)).toEqual({ a: { run: 1 }, b: { run: 1 } });
});

test('a recording is never asked', () => {
  const lanes = [{ ...laneOf(1, 'dense', [0]), recorded: true }, laneOf(2, 'chex', [0])];
  expect(firstRun(lanes, 1)).toBe(2);
  expect(firstSides(lanes, 1, undecided)).toEqual({ a: { run: 2, at: 0 }, b: { run: 2 } });
  expect(firstSides(lanes.slice(0, 1), 1, undecided)).toBeNull();
});
