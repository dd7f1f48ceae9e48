import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimate } from './decimate.ts';
import type { ChannelEvent, RunEvent, StartEvent, StepEvent, StructureEvent } from './events.ts';
import { historyOf, resultOf } from './history.ts';
import { stageOf } from './testing.ts';
import { emptyView, fold, keptChannels, returnedChannels } from './view.ts';

const start: StartEvent = {
  kind: 'start',
  step: 0,
  spec: {
    version: 1,
    name: 'test',
    seed: 1,
    model: { id: 'm', width: 1 },
    data: { train: 20, test: 4, holdOut: 2 },
    train: {
      steps: 4,
      batchSize: 5,
      learningRate: 0.1,
      momentum: 0.9,
      nesterov: true,
      weightDecay: 0,
      schedule: 'cosine',
      warmup: 0,
      labelSmoothing: 0,
      storage: 'f32',
      augment: [],
      evaluateEvery: 2,
    },
    scheme: { id: 'chex' },
  },
  steps: 4,
  stepsPerEpoch: 3,
  adapter: { backend: 'webgpu', vendor: 'v', architecture: 'a', description: 'd' },
  dense: { macs: 100, parameters: 50, widths: { a: 4, b: 2 } },
  prunable: ['a'],
};
const step = (n: number): StepEvent => ({
  kind: 'step',
  step: n,
  epoch: 1,
  trainLoss: 3 - n / 2,
  trainAccuracy: n / 10,
  learningRate: 0.1,
  milliseconds: 10,
});
const change = (kind: 'prune' | 'regrow', n: number, channels: number[], width: number): ChannelEvent => ({
  kind,
  step: n,
  layer: 'a',
  channels,
  width,
  reasons: channels.map((channel) => ({
    layer: 'a',
    channel,
    fate: kind === 'prune' ? 'pruned' : 'regrown',
    text: `${kind} ${channel}`,
  })),
});
const structure = (n: number, a: number[]): StructureEvent => ({
  kind: 'structure',
  step: n,
  structure: { channels: { a } },
  widths: { a: a.length, b: 2 },
  macs: a.length * 25,
  parameters: a.length * 10,
  reasons: [],
  milliseconds: 1,
});
const EVENTS: RunEvent[] = [
  start,
  change('prune', 0, [3], 3),
  structure(0, [0, 1, 2]),
  step(1),
  step(2),
  change('prune', 2, [0, 1], 1),
  change('regrow', 2, [3], 2),
  structure(2, [2, 3]),
  { kind: 'evaluate', step: 2, testLoss: 1.5, testAccuracy: 0.4, images: 4 },
  step(3),
  step(4),
  change('prune', 4, [3], 1),
  change('regrow', 4, [0], 2),
  structure(4, [0, 2]),
  { kind: 'evaluate', step: 4, testLoss: 1.25, testAccuracy: 0.5, images: 4 },
  { kind: 'finish', step: 4, latencyMs: [{ batch: 1, median: 2, p95: 3, n: 20 }], imagesPerSecond: 500 },
];
const fates = (events: readonly RunEvent[]): string[] =>
  (fold(emptyView(), events).layers[0]?.channels ?? []).map(({ fate }) => fate);

describe('the view of a run', () => {
  test('channels are off at the start, then pruned or regrown by the latest decision only', () => {
    expect(fates(EVENTS.slice(0, 5))).toEqual(['kept', 'kept', 'kept', 'off']);
    expect(fates(EVENTS.slice(0, 9))).toEqual(['pruned', 'pruned', 'kept', 'regrown']);
    expect(fates(EVENTS)).toEqual(['regrown', 'off', 'kept', 'pruned']);
  });

  test('widths, sizes, counters and reasons', () => {
    const view = fold(emptyView(), EVENTS);
    const [a] = view.layers;
    expect(a?.widths).toEqual([
      { step: 0, width: 3 },
      { step: 2, width: 2 },
      { step: 4, width: 2 },
    ]);
    expect([view.macs, view.parameters, keptChannels(view), view.step]).toEqual([50, 20, 2, 4]);
    expect(view.decisions).toEqual([
      { step: 0, pruned: 1, regrown: 0, kept: 3 },
      { step: 2, pruned: 2, regrown: 1, kept: 2 },
      { step: 4, pruned: 1, regrown: 1, kept: 2 },
    ]);
    // Channel 0 was off between steps 2 and 4 and is back; channel 3 was twice off and is off.
    expect(returnedChannels(view)).toBe(1);
    expect(a?.channels[3]).toMatchObject({ timesOff: 2, since: 4, reason: { text: 'prune 3' } });
    expect(a?.channels[3]?.offs).toEqual([
      { from: 0, to: 2 },
      { from: 4, to: null },
    ]);
    // Steps 1 and 2 ran with three channels, steps 3 and 4 with two.
    expect([view.macsSpent, view.denseMacsSpent]).toEqual([75 + 75 + 50 + 50, 400]);
    expect(view.imagesPerSecond).toBe(500);
  });

  test('after any decisions the channels are those that the kept sets say', () => {
    const kept = fc.subarray([0, 1, 2, 3], { minLength: 1 });
    fc.assert(
      fc.property(fc.array(kept, { minLength: 1, maxLength: 8 }), (keptSets) => {
        const events: RunEvent[] = [start];
        let before = [0, 1, 2, 3];
        keptSets.forEach((after, index) => {
          const n = index + 1;
          const off = before.filter((channel) => !after.includes(channel));
          const on = after.filter((channel) => !before.includes(channel));
          const middle = before.length - off.length;
          events.push(step(n));
          if (off.length > 0) events.push(change('prune', n, off, middle));
          if (on.length > 0) events.push(change('regrow', n, on, middle + on.length));
          events.push(structure(n, after));
          before = after;
        });
        const view = fold(emptyView(), events);
        const was = (channel: number): boolean[] => [true, ...keptSets.map((set) => set.includes(channel))];
        const histories = [0, 1, 2, 3].map(was);
        expect(view.layers[0]?.channels.map(({ fate, timesOff }) => [fate, timesOff])).toEqual(
          histories.map((history) => {
            const [previous, now] = history.slice(-2);
            const fate = now ? (previous ? 'kept' : 'regrown') : previous ? 'pruned' : 'off';
            return [fate, history.filter((on, i) => !on && history[i - 1]).length];
          }),
        );
        expect(returnedChannels(view)).toBe(histories.filter((h) => h.at(-1) && h.includes(false)).length);
        expect(keptChannels(view)).toBe(before.length);
        expect(view.decisions.map((decision) => decision.kept)).toEqual(keptSets.map((set) => set.length));
        expect(historyOf(events).map(({ widths }) => widths['a'])).toEqual(keptSets.map((set) => set.length));
      }),
    );
  });

  test('folding in parts is folding at once', () => {
    const whole = fold(emptyView(), EVENTS);
    const view = emptyView();
    for (const event of EVENTS) fold(view, [event]);
    expect({ ...view, version: 0 }).toEqual({ ...whole, version: 0 });
  });

  test('a long run folds quickly: a hundred thousand steps are no more than steps', () => {
    const view = fold(emptyView(), [start, ...Array.from({ length: 100_000 }, (_, i) => step(i + 1))]);
    expect(view.train.loss).toHaveLength(100_000);
    expect(view.step).toBe(100_000);
  });
});

describe('a fork with a changed setting', () => {
  const parent = { name: 'test', step: 2 };
  const setting: RunEvent = {
    kind: 'setting',
    step: 2,
    learningRate: 0.05,
    from: { learningRate: 0.1 },
    message: 'Half the learning rate.',
  };
  const byHand: StructureEvent = { ...structure(2, [2]), by: 'hand' };
  const own: RunEvent[] = [
    { ...start, parent },
    ...EVENTS.slice(1, 9),
    { kind: 'fork', step: 2, message: 'Forked from test at step 2.' },
    setting,
    change('prune', 2, [3], 1),
    byHand,
    step(3),
  ];

  test('the view says where it comes from and what was changed when', () => {
    const view = fold(emptyView(), own);
    expect(view.parent).toEqual(parent);
    expect(fold(emptyView(), EVENTS).parent).toBeNull();
    expect(view.settings).toEqual([{ step: 2, learningRate: 0.05, message: 'Half the learning rate.' }]);
    // The scheme's decision of step 2 and the user's are one step's news.
    expect(view.layers[0]?.channels.map(({ fate }) => fate)).toEqual(['pruned', 'pruned', 'kept', 'pruned']);
    expect(view.decisions.at(-1)).toEqual({ step: 2, pruned: 3, regrown: 1, kept: 1 });
  });

  test('going back before a setting takes it back, going back to its step does not', () => {
    const adapter = { ...start.adapter };
    const back = (to: number): RunEvent => ({ kind: 'recovered', step: to, from: 3, adapter, message: 'back' });
    expect(fold(emptyView(), [...own, back(2)]).settings).toHaveLength(1);
    expect(fold(emptyView(), [...own, back(1)]).settings).toEqual([]);
  });

  test('history and result take them in', () => {
    const { events, history } = resultOf(own);
    expect(events.filter(({ kind }) => kind === 'fork' || kind === 'setting')).toEqual([own[9], setting]);
    expect(events[0]).toMatchObject({ kind: 'start', parent });
    expect(history.map((row) => [row.step, row.widths['a'], row.testAccuracy])).toEqual([
      [1, 3, undefined],
      [2, 1, 0.4],
      [3, 1, undefined],
    ]);
  });
});

describe('history and result', () => {
  test('a row is the state after everything of its step', () => {
    const rows = historyOf(EVENTS);
    expect(rows.map(({ step: n, widths }) => [n, widths['a']])).toEqual([
      [1, 3],
      [2, 2],
      [3, 2],
      [4, 2],
    ]);
    expect(rows[1]).toEqual({
      step: 2,
      epoch: 1,
      trainLoss: 2,
      trainAccuracy: 0.2,
      testLoss: 1.5,
      testAccuracy: 0.4,
      widths: { a: 2, b: 2 },
      macs: 50,
      parameters: 20,
    });
    expect(rows[0]).not.toHaveProperty('testLoss');
  });

  test('the result holds what result.json promises', () => {
    const result = resultOf(EVENTS);
    expect(Object.keys(result)).toEqual(['spec', 'adapter', 'history', 'events', 'final']);
    expect(result.final).toEqual({
      testAccuracy: 0.5,
      testLoss: 1.25,
      widths: { a: 2, b: 2 },
      macs: 50,
      parameters: 20,
      dense: { macs: 100, parameters: 50 },
      latencyMs: [{ batch: 1, median: 2, p95: 3, n: 20 }],
      imagesPerSecond: 500,
    });
    expect(result.events.map(({ kind }) => kind)).not.toContain('step');
    expect(() => resultOf([])).toThrow(/no history yet/);
  });

  test('widths by the history are those one gets by folding prune and regrow events', () => {
    let width = 4;
    const byStep = new Map<number, number>();
    for (const event of resultOf(EVENTS).events) {
      if (event.kind === 'prune') width -= event.channels.length;
      if (event.kind === 'regrow') width += event.channels.length;
      if (event.kind === 'structure') byStep.set(event.step, width);
    }
    for (const row of historyOf(EVENTS)) {
      const latest = [...byStep].filter(([at]) => at <= row.step).at(-1)?.[1];
      expect(row.widths['a']).toBe(latest);
    }
  });
});

describe('decimation', () => {
  test('keeps ends and extremes within the limit', () => {
    const values = Array.from({ length: 5_000 }, (_, i) => Math.sin(i / 40) + (i === 3_333 ? 9 : 0));
    const indices = decimate(values, 300);
    expect(indices.length).toBeLessThanOrEqual(300);
    expect([indices[0], indices.at(-1)]).toEqual([0, 4_999]);
    expect(indices).toContain(3_333);
    expect([...indices].sort((a, b) => a - b)).toEqual(indices);
    expect(decimate([1, 2, 3], 300)).toEqual([0, 1, 2]);
  });

  test('of any series: never more than asked for, both ends, the smallest and the largest value', () => {
    const series = fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(series, fc.integer({ min: 2, max: 60 }), (values, most) => {
        const indices = decimate(values, most);
        expect(indices.length).toBeLessThanOrEqual(most);
        expect([indices[0], indices.at(-1)]).toEqual([0, values.length - 1]);
        expect([...new Set(indices)].sort((a, b) => a - b)).toEqual(indices);
        if (most < 4) return;
        const kept = indices.map((index) => values[index] ?? 0);
        expect([Math.min(...kept), Math.max(...kept)]).toEqual([Math.min(...values), Math.max(...values)]);
      }),
    );
  });
});

test('a result tells the layers that each stage took weights from, against the dense ones', () => {
  const stages = [
    stageOf(1, 'map', { layers: { a: [8, 10], b: [20, 20], c: [7, 7] } }),
    stageOf(3, 'kernel', { layers: { a: [8, 10], b: [15, 20], c: [6, 7] } }),
    stageOf(4, 'bits', { layers: { a: [8, 10], b: [15, 20], c: [6, 7] }, bits: 4 }),
  ];
  const [first, second, third] = stages;
  const log: RunEvent[] = [start, step(1), ...stages.slice(0, 1), step(2), step(3), ...stages.slice(1)];
  const mask = (n: number, layer: string, kept: number, of: number) => ({
    kind: 'mask',
    step: n,
    layer,
    weights: { kept, of },
  });
  expect(resultOf(log).events).toEqual([
    start,
    first,
    mask(1, 'a', 8, 10),
    second,
    mask(3, 'b', 15, 20),
    mask(3, 'c', 6, 7),
    third,
  ]);
});
