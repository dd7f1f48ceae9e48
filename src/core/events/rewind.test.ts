import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent, StartEvent, StepEvent } from './events.ts';
import { Rewind } from './rewind.ts';
import { stageOf } from './testing.ts';
import { withoutUndone } from './undone.ts';
import { type RunView, emptyView, fold } from './view.ts';

const adapter = { backend: 'webgpu', vendor: 'v', architecture: 'a', description: 'd' } as const;
const start = {
  kind: 'start',
  step: 0,
  spec: { name: 'r', train: { batchSize: 10 } },
  steps: 60,
  stepsPerEpoch: 5,
  adapter,
  dense: { macs: 100, parameters: 40, widths: { a: 4, b: 3 } },
  prunable: ['a', 'b'],
} as unknown as StartEvent;
const step = (n: number, salt = 0): StepEvent => ({
  kind: 'step',
  step: n,
  epoch: Math.ceil(n / 5),
  trainLoss: 3 - n / 50 + salt,
  trainAccuracy: n / 100,
  learningRate: 0.1,
  milliseconds: 1 + (n % 3) + salt,
});
const channels = (kind: 'prune' | 'regrow', n: number, layer: string, list: number[], width: number): RunEvent => ({
  kind,
  step: n,
  layer,
  channels: list,
  width,
  reasons: list.map((channel) => ({ layer, channel, fate: 'pruned', text: `${kind} ${channel} at ${n}` })),
});
const structure = (n: number, macs: number, hand: boolean): RunEvent => ({
  kind: 'structure',
  step: n,
  structure: { channels: {} },
  widths: { a: 2, b: 3 },
  macs,
  parameters: macs / 2,
  reasons: [{ layer: 'a', channel: 0, fate: 'kept', text: `weighed at ${n}` }],
  milliseconds: 1,
  ...(hand ? { by: 'hand' as const } : {}),
});

/** What happens next, relative to the step that a log has reached; going back retells later steps. */
const happening = fc.oneof(
  { weight: 6, arbitrary: fc.record({ what: fc.constant('step' as const), salt: fc.nat(9) }) },
  {
    weight: 3,
    arbitrary: fc.record({
      what: fc.constant('decision' as const),
      layer: fc.constantFrom('a', 'b'),
      off: fc.subarray([0, 1, 2]),
      on: fc.subarray([0, 1, 2]),
      hand: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ what: fc.constantFrom('evaluate', 'note', 'setting', 'fork', 'stage') }) },
  {
    weight: 1,
    arbitrary: fc.record({ what: fc.constantFrom('recovered' as const, 'batchHalved' as const), by: fc.nat(8) }),
  },
);
const logs = fc.array(happening, { maxLength: 60 }).map((happenings) => {
  const log: RunEvent[] = [start];
  let at = 0;
  for (const [index, next] of happenings.entries()) {
    const message = `${next.what} ${index}`;
    if ('salt' in next) log.push(step(++at, next.salt));
    else if ('by' in next) {
      const from = at;
      at = Math.max(0, at - next.by);
      if (next.what === 'recovered') log.push({ kind: 'recovered', step: at, from, adapter, message });
      else log.push({ kind: 'batchHalved', step: at, from: 10, to: 5, steps: 120, stepsPerEpoch: 10, message });
    } else if ('layer' in next) {
      if (next.off.length > 0) log.push(channels('prune', at, next.layer, next.off, 4 - next.off.length));
      if (next.on.length > 0) log.push(channels('regrow', at, next.layer, next.on, next.on.length));
      log.push(structure(at, 50 + index, next.hand));
    } else if (next.what === 'evaluate') {
      log.push({ kind: 'evaluate', step: at, testLoss: index, testAccuracy: 0.5, images: 4 });
    } else if (next.what === 'stage') log.push(stageOf(at, 'kernel', { weights: index / 100 }));
    else if (next.what === 'setting') {
      log.push({ kind: 'setting', step: at, weightDecay: index, from: { weightDecay: 0 }, message });
    } else log.push({ kind: next.what === 'fork' ? 'fork' : 'note', step: at, message });
  }
  return log;
});

const shown = (view: RunView): RunView => ({ ...view, version: 0 });
/** The slow way: the log that holds, cut after the last event of `at` or an earlier step, folded from scratch. */
function foldedAt(log: readonly RunEvent[], at: number): RunView {
  const held = withoutUndone(log);
  return fold(emptyView(), held.slice(0, held.findLastIndex((event) => event.step <= at) + 1));
}
const lastStep = (log: readonly RunEvent[]): number => Math.max(...log.map((event) => event.step));

describe('rewinding', () => {
  test('to any step, however often the run went back, is folding its log up to there', () => {
    fc.assert(
      fc.property(logs, fc.integer({ min: 1, max: 7 }), (log, every) => {
        const rewind = new Rewind(every);
        rewind.add(log);
        for (let at = -1; at <= lastStep(log) + 1; at++)
          expect(shown(rewind.viewAt(at))).toEqual(shown(foldedAt(log, at)));
        expect(shown(rewind.live)).toEqual(shown(fold(emptyView(), log)));
      }),
    );
  });

  test('while the run goes on leaves the live view alone, and is left alone by it', () => {
    fc.assert(
      fc.property(logs, fc.nat(60), fc.nat(60), (log, cut, at) => {
        const rewind = new Rewind(2);
        rewind.add(log.slice(0, cut));
        const early = rewind.viewAt(at);
        const before = structuredClone(early);
        rewind.add(log.slice(cut));
        expect(early).toEqual(before);
        // A view that is folded on must not reach into the live one, nor into a later look at the same step.
        const live = structuredClone(rewind.live);
        const again = structuredClone(rewind.viewAt(at));
        const n = early.step;
        const more = [channels('prune', n, 'a', [0, 1], 2), structure(n, 7, true), step(n + 1), step(n + 2)];
        if (early.start) fold(rewind.viewAt(at), more);
        expect(rewind.live).toEqual(live);
        expect(rewind.viewAt(at)).toEqual(again);
      }),
    );
  });

  test('a view of a step shows none of what happened later', () => {
    const rewind = new Rewind(1);
    const log = [start, step(1), step(2), channels('prune', 2, 'a', [3], 3), structure(2, 75, false), step(3)];
    rewind.add([...log, channels('prune', 3, 'a', [1], 2), channels('regrow', 3, 'a', [3], 3)]);
    const kept = (at: number) => rewind.viewAt(at).layers[0]?.channels.map(({ fate }) => fate);
    expect(kept(1)).toEqual(['kept', 'kept', 'kept', 'kept']);
    expect(kept(2)).toEqual(['kept', 'kept', 'kept', 'pruned']);
    expect(kept(3)).toEqual(['kept', 'pruned', 'kept', 'regrown']);
    expect([1, 2, 3].map((at) => rewind.viewAt(at).macs)).toEqual([100, 75, 75]);
    expect(rewind.viewAt(2).train.step).toEqual([1, 2]);
  });

  test('a hundred thousand steps cost a thousand folds a look, not a hundred thousand', () => {
    // Folding a training step reads its loss.
    let folded = 0;
    const counted = (n: number): RunEvent => ({
      ...step(n),
      get trainLoss() {
        folded++;
        return n;
      },
    });
    const rewind = new Rewind();
    rewind.add([start]);
    for (let n = 1; n <= 100_000; n++) rewind.add([counted(n)]);
    expect(folded).toBe(100_000);
    for (const at of [0, 1, 999, 1_000, 1_001, 31_415, 50_000, 99_999, 100_000]) {
      folded = 0;
      const view = rewind.viewAt(at);
      expect(folded).toBeLessThanOrEqual(1_000);
      expect([view.step, view.train.loss.length, view.train.loss.at(-1)]).toEqual([at, at, at || undefined]);
    }
  });
});
