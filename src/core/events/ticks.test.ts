import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Structure } from '../network/index.ts';
import type { ChannelEvent, RunEvent } from './events.ts';
import { type Tick, Ticks, nextTick } from './ticks.ts';
import { stageOf } from './testing.ts';
import { withoutUndone } from './undone.ts';

const channels = (kind: ChannelEvent['kind'], step: number, layer: string, list: number[]): RunEvent => ({
  kind,
  step,
  layer,
  channels: list,
  width: 8 - list.length,
  reasons: [],
});
const structure = (step: number, by?: 'hand', taps?: Structure['taps']): RunEvent => ({
  kind: 'structure',
  step,
  structure: { channels: {}, ...(taps ? { taps } : {}) },
  widths: {},
  macs: 1,
  parameters: 1,
  reasons: [],
  milliseconds: 1,
  ...(by ? { by } : {}),
});
const step = (n: number): RunEvent => ({
  kind: 'step',
  step: n,
  epoch: 1,
  trainLoss: 1,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds: 1,
});
const evaluate = (n: number, testAccuracy: number): RunEvent => ({
  kind: 'evaluate',
  step: n,
  testLoss: 1,
  testAccuracy,
  images: 10,
});
const adapter = { backend: 'webgpu', vendor: '', architecture: '', description: '' } as const;
const recovered = (to: number, from: number): RunEvent => ({
  kind: 'recovered',
  step: to,
  from,
  adapter,
  message: `Back at ${to}.`,
});
const setting = (n: number, message: string): RunEvent => ({ kind: 'setting', step: n, from: {}, message });
/** The ticks of a whole log. */
function ticksOf(log: readonly RunEvent[]): readonly Tick[] {
  const ticks = new Ticks();
  ticks.add(log);
  return ticks.list;
}

const told = (ticks: readonly Tick[]): string[] => ticks.map(({ step: at, kind, label }) => `${at} ${kind}: ${label}`);

describe('ticks', () => {
  test('masks of weights are told with the share that stays; a crop is told by its channels', () => {
    const layers = [
      { layer: 'a', weights: 300, macs: 1, density: 0.5, kept: 150 },
      { layer: 'b', weights: 100, macs: 1, density: 0.1, kept: 10 },
    ];
    const densities = (removes: 'weights' | 'channels'): RunEvent => ({
      kind: 'densities',
      step: 0,
      report: { source: 'snip', removes, layers },
    });
    expect(told(ticksOf([densities('weights'), structure(0)]))).toEqual([
      '0 mask: Weights masked: 40.0 % of them stay.',
    ]);
    expect(told(ticksOf([densities('channels'), channels('crop', 0, 'a', [2, 3]), structure(0)]))).toEqual([
      '0 crop: 2 channels cropped.',
    ]);
  });

  test('one a step and kind, with channels summed over layers', () => {
    const log: RunEvent[] = [
      channels('prune', 0, 'a', [1, 2]),
      structure(0),
      step(1),
      { kind: 'note', step: 1, message: 'A note is no tick.' },
      channels('prune', 1, 'a', [3]),
      channels('prune', 1, 'b', [0, 4]),
      channels('regrow', 1, 'a', [1]),
      structure(1),
      evaluate(1, 0.4321),
      step(2),
      channels('crop', 2, 'b', [1]),
      structure(2),
      setting(2, 'Half the learning rate.'),
      setting(2, 'No weight decay.'),
      step(3),
      { kind: 'diverged', step: 3, message: 'Training diverged.' },
      { kind: 'finish', step: 3, latencyMs: [], imagesPerSecond: 1 },
    ];
    expect(told(ticksOf(log))).toEqual([
      '0 prune: 2 channels off from the start.',
      '1 prune: 3 channels pruned.',
      '1 regrow: 1 channel regrown.',
      '1 evaluate: Test accuracy 43.2 %.',
      '2 crop: 1 channel cropped.',
      '2 setting: Half the learning rate. No weight decay.',
      '3 diverged: Training diverged.',
      '3 finish: The run finished.',
    ]);
  });

  test('what the user did says so, also beside the scheme’s decision of the same step', () => {
    const byScheme = [channels('prune', 4, 'a', [1]), structure(4)];
    const byHand = [channels('prune', 4, 'b', [2, 3]), channels('regrow', 4, 'b', [5]), structure(4, 'hand')];
    expect(ticksOf(byHand).map(({ label }) => label)).toEqual([
      '2 channels pruned by hand.',
      '1 channel regrown by hand.',
    ]);
    expect(ticksOf([...byScheme, ...byHand])[0]?.label).toBe('3 channels pruned, 2 of them by hand.');
  });

  test('a mask is a change of the kept taps, not every structure that has some', () => {
    const two = { stride: 2, offsets: [0, 1] };
    const three = { stride: 3, offsets: [2] };
    const log = [structure(1), structure(2, undefined, { a: two }), structure(3, undefined, { a: two })];
    const ticks = ticksOf([...log, structure(4, undefined, { a: two, b: three }), structure(5)]);
    expect(told(ticks)).toEqual([
      '2 mask: Kernel taps masked in 1 layer.',
      '4 mask: Kernel taps masked in 2 layers.',
      '5 mask: No kernel taps masked.',
    ]);
  });

  test('a stage is one mask that says what went, in place of its channels and taps', () => {
    const taps = { a: { stride: 2, offsets: [0, 1] } };
    const log = [
      channels('prune', 2, 'a', [1, 3]),
      structure(2),
      stageOf(2, 'map', { pruned: 3, units: 10, weights: 0.41 }),
      structure(4, undefined, taps),
      stageOf(4, 'stride', { pruned: 1, units: 2, weights: 0.7 }),
      channels('prune', 6, 'b', [2]),
      structure(6, undefined, taps),
      stageOf(6, 'kernel', { pruned: 1, units: 4, weights: 0.8 }),
      structure(7, undefined, taps),
      structure(8, undefined, taps),
      stageOf(8, 'bits', { weights: 0.8, bits: 5 }),
      structure(9),
    ];
    expect(told(ticksOf(log))).toEqual([
      '2 mask: Maps pruned: 30 % of the units, 41 % of the weights gone so far.',
      '4 mask: Strided taps pruned: 50 % of the units, 70 % of the weights gone so far.',
      // Maps that lost all their kernels are more than the stage says.
      '6 prune: 1 channel pruned.',
      '6 mask: Kernels pruned: 25 % of the units, 80 % of the weights gone so far.',
      '8 mask: Weights in 5 bits; 80 % of the weights gone so far.',
      '9 mask: No kernel taps masked.',
    ]);
  });

  test('what a run went back over is gone, its notices stay, in order of steps', () => {
    const log = [channels('prune', 2, 'a', [1]), structure(2), evaluate(4, 0.1), recovered(3, 4), evaluate(4, 0.2)];
    expect(told(ticksOf(log))).toEqual([
      '2 prune: 1 channel pruned.',
      '3 recovered: Back at 3.',
      '4 evaluate: Test accuracy 20.0 %.',
    ]);
    expect(told(ticksOf([...log, recovered(1, 4), setting(2, 'Changed.')]))).toEqual([
      '1 recovered: Back at 1.',
      '2 setting: Changed.',
      '3 recovered: Back at 3.',
    ]);
  });

  test('event by event they are those of the whole log, and those of the log that holds', () => {
    const next = fc.oneof(
      { weight: 4, arbitrary: fc.constant({ what: 'step' as const }) },
      fc.record({ what: fc.constant('prune' as const), list: fc.uniqueArray(fc.nat(7), { minLength: 1 }) }),
      fc.record({ what: fc.constant('setting' as const) }),
      fc.record({ what: fc.constant('back' as const), by: fc.nat(5) }),
    );
    fc.assert(
      fc.property(fc.array(next, { maxLength: 40 }), (happenings) => {
        const log: RunEvent[] = [];
        const ticks = new Ticks();
        const add = (...events: RunEvent[]) => {
          log.push(...events);
          for (const event of events) ticks.add([event]);
          const { list } = ticks;
          expect(list).toBe(ticks.list);
        };
        let at = 0;
        for (const happening of happenings) {
          if (happening.what === 'step') add(step(++at));
          else if (happening.what === 'prune') add(channels('prune', at, 'a', happening.list), structure(at));
          else if (happening.what === 'setting') add(setting(at, `At ${at}.`));
          else add(recovered((at = Math.max(0, at - happening.by)), at + happening.by));
        }
        expect(ticks.list).toEqual(ticksOf(log));
        expect(ticks.list).toEqual(ticksOf(withoutUndone(log)));
        const keys = ticks.list.map(({ step: n, kind }) => `${n} ${kind}`);
        expect(new Set(keys).size).toBe(keys.length);
        const steps = ticks.list.map(({ step: n }) => n);
        expect(steps).toEqual([...steps].sort((a, b) => a - b));
      }),
    );
  });

  test('the next and the previous step pass evaluations by', () => {
    const log = [setting(2, 'x'), evaluate(5, 0.1), channels('prune', 7, 'a', [1]), structure(7), setting(7, 'y')];
    const ticks = ticksOf(log);
    expect([0, 2, 5, 7].map((at) => nextTick(ticks, at, 1))).toEqual([2, 7, 7, null]);
    expect([0, 2, 5, 7, 9].map((at) => nextTick(ticks, at, -1))).toEqual([null, null, 2, 2, 7]);
  });
});
