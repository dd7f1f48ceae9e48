import { expect, test } from 'vitest';
import type { RunEvent, StartEvent } from './events.ts';
import { historyOf, resultOf } from './history.ts';
import { withoutUndone } from './undone.ts';
import { emptyView, fold } from './view.ts';

const adapter = { backend: 'webgpu', vendor: 'v', architecture: 'a', description: 'd' } as const;
const start = {
  kind: 'start',
  step: 0,
  spec: { name: 'r', train: { batchSize: 10 } },
  steps: 6,
  stepsPerEpoch: 3,
  adapter,
  dense: { macs: 100, parameters: 40, widths: { a: 4, b: 2 } },
  prunable: ['a'],
} as unknown as StartEvent;
const step = (n: number, trainLoss: number): RunEvent => ({
  kind: 'step',
  step: n,
  epoch: 1,
  trainLoss,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds: 10,
});
const prune = (n: number, channel: number, width: number): RunEvent[] => [
  { kind: 'prune', step: n, layer: 'a', channels: [channel], width, reasons: [] },
  {
    kind: 'structure',
    step: n,
    structure: { channels: {} },
    widths: { a: width, b: 2 },
    macs: width * 25,
    parameters: width * 10,
    reasons: [],
    milliseconds: 1,
  },
];
const recovered = (at: number, from: number): RunEvent => ({
  kind: 'recovered',
  step: at,
  from,
  adapter,
  message: `back at ${at}`,
});
const halved = (at: number): RunEvent => ({
  kind: 'batchHalved',
  step: at,
  from: 10,
  to: 5,
  steps: 12,
  stepsPerEpoch: 6,
  message: 'halved',
});

const before = [start, step(1, 3), step(2, 2), ...prune(2, 0, 3)];
const undone = [step(3, 9), step(4, 9), ...prune(4, 1, 2)];
const after = [step(3, 1), step(4, 0.5), ...prune(4, 2, 2), step(5, 0.25)];

test('what a run went back over is left out: log, history, result and view are those of the steps that hold', () => {
  const log = [...before, ...undone, recovered(2, 4), ...after];
  const plain = [...before, ...after];
  expect(withoutUndone(log)).toEqual([...before, recovered(2, 4), ...after]);
  expect(withoutUndone(plain)).toBe(plain);
  expect(historyOf(log)).toEqual(historyOf(plain));
  expect(resultOf(log).final).toEqual(resultOf(plain).final);
  expect(resultOf(log).events.map(({ kind }) => kind)).toContain('recovered');
  const view = fold(emptyView(), log);
  expect({ ...view, log: [], notes: [], version: 0 }).toEqual({ ...fold(emptyView(), plain), log: [], version: 0 });
  expect(view.notes).toEqual(['back at 2']);
  expect(view.layers[0]?.channels.map(({ fate }) => fate)).toEqual(['off', 'kept', 'pruned', 'kept']);
});

test('a view shows the step that the run went back to, and every notice stays', () => {
  const view = fold(emptyView(), [...before, ...undone]);
  const { version } = view;
  fold(view, [recovered(2, 4)]);
  expect([view.step, view.train.step.length, view.decisions.length]).toEqual([2, 2, 1]);
  expect(view.version).toBeGreaterThan(version);
  fold(view, [step(3, 1), recovered(0, 3)]);
  expect([view.step, view.train.loss, view.layers[0]?.kept]).toEqual([0, [], 4]);
  expect(view.notes).toEqual(['back at 2', 'back at 0']);
});

test('a halved batch changes the steps left and the speed, not the spec that was asked for', () => {
  const view = fold(emptyView(), [start, halved(0), step(1, 1)]);
  expect(view.start).toMatchObject({ steps: 12, stepsPerEpoch: 6, spec: { train: { batchSize: 10 } } });
  expect([view.batchSize, view.imagesPerSecond]).toEqual([5, 500]);
  expect(view.notes).toEqual(['halved']);
  // Going back later does not take the halving back.
  expect(fold(view, [step(2, 1), recovered(1, 2)]).batchSize).toBe(5);
});
