import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CLOCKS, clockAt } from './clocks.ts';
import type { RunEvent, StartEvent } from './events.ts';
import { emptyView, fold } from './view.ts';

const start = {
  kind: 'start',
  step: 0,
  spec: { name: 'r', train: { batchSize: 10 } },
  steps: 6,
  stepsPerEpoch: 3,
  dense: { macs: 100, parameters: 40, widths: { a: 4 } },
  prunable: ['a'],
} as unknown as StartEvent;
const step = (n: number, milliseconds: number): RunEvent => ({
  kind: 'step',
  step: n,
  epoch: 1,
  trainLoss: 1,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds,
});
const structure = (n: number, macs: number): RunEvent => ({
  kind: 'structure',
  step: n,
  structure: { channels: {} },
  widths: { a: 2 },
  macs,
  parameters: 20,
  reasons: [],
  milliseconds: 9_999,
});
const halved = (n: number): RunEvent => ({
  kind: 'batchHalved',
  step: n,
  from: 10,
  to: 5,
  steps: 12,
  stepsPerEpoch: 6,
  message: 'halved',
});

test('a step costs its own time, and the MACs of its structure for each image of its batch', () => {
  const log = [start, step(1, 500), step(2, 250), structure(2, 60), step(3, 250), halved(3), step(4, 1_000)];
  const view = fold(emptyView(), log);
  expect(view.train.step).toEqual([1, 2, 3, 4]);
  // Deciding and restructuring is not training.
  expect(view.train.seconds).toEqual([0.5, 0.75, 1, 2]);
  expect(view.train.macs).toEqual([1_000, 2_000, 2_600, 2_900]);
  expect(clockAt(view, 'macs', 3)).toBe(2_600);
  expect([clockAt(view, 'step', 0), clockAt(view, 'seconds', 0), clockAt(view, 'macs', 0)]).toEqual([0, 0, 0]);
  expect(CLOCKS.map(({ id }) => clockAt(view, id, 2))).toEqual([2, 0.75, 2_000]);
});

test('what a run went back over costs nothing: the clocks are those of the steps that hold', () => {
  const adapter = { backend: 'webgpu', vendor: '', architecture: '', description: '' } as const;
  const back: RunEvent = { kind: 'recovered', step: 1, from: 3, adapter, message: 'back' };
  const view = fold(emptyView(), [start, step(1, 500), step(2, 9_000), step(3, 9_000), back, step(2, 100)]);
  expect(view.train.seconds).toEqual([0.5, 0.6]);
  expect(view.train.macs).toEqual([1_000, 2_000]);
});

test('at any step a clock shows its value after the last step told, as by looking at all of them', () => {
  const runs = fc.array(fc.record({ skip: fc.integer({ min: 1, max: 4 }), ms: fc.integer({ min: 1, max: 9 }) }));
  fc.assert(
    fc.property(runs, fc.nat(60), (steps, at) => {
      let n = 0;
      const events = steps.map(({ skip, ms }) => step((n += skip), ms));
      const view = fold(emptyView(), [start, ...events]);
      const told = events.filter((event) => event.step <= at);
      const spent = told.reduce((sum, event) => sum + (event.kind === 'step' ? event.milliseconds : 0), 0);
      expect(clockAt(view, 'seconds', at)).toBeCloseTo(spent / 1_000, 9);
      expect(clockAt(view, 'macs', at)).toBe(told.length * 1_000);
    }),
  );
});
