import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { EventError, checkEvents } from '../../../src/core/events/check.ts';
import { CLOCKS, clockAt } from '../../../src/core/events/clocks.ts';
import type { RunEvent } from '../../../src/core/events/events.ts';
import { resultOf } from '../../../src/core/events/history.ts';
import { decodeRecording, encodeRecording } from '../../../src/core/events/recording.ts';
import { Rewind } from '../../../src/core/events/rewind.ts';
import { Ticks, nextTick } from '../../../src/core/events/ticks.ts';
import { budgetChannels, keptChannels, returnedChannels } from '../../../src/core/events/view.ts';
import { unpackBits } from '../../../src/core/sparsity/index.ts';
import { SCHEMES } from '../../../src/schemes/index.ts';
import { made, specOf, tolerantEngine } from './made.ts';
import { type Effort, asserted, change, changed, guarded } from './nasty.ts';

const STAGES = [
  { granularity: 'map', at: 3, keep: 0.7 },
  { granularity: 'kernel', at: 6, keep: 0.7 },
  { granularity: 'stride', at: 9 },
];

/** Logs of real runs: of schemes that tell every kind of event, of a lost device, of memory that ran out, of a loss that exploded. */
export async function realLogs(): Promise<readonly (readonly RunEvent[])[]> {
  const chex = specOf({ id: 'chex' });
  const runs = [
    ...['chex', 'magnitude', 'precrop', 'pai-mask'].map((id) => ({
      spec: specOf({ id }),
      engines: [tolerantEngine()],
    })),
    { spec: specOf({ id: 'structured-sparsity', stages: STAGES }), engines: [tolerantEngine()] },
    { spec: chex, engines: [tolerantEngine({ loseAt: 17 }), tolerantEngine()] },
    { spec: chex, engines: [tolerantEngine({ full: (batch, step) => batch > 5 && step === 13 })] },
    { spec: chex, engines: [tolerantEngine({ lossAt: (step, loss) => (step > 9 ? NaN : loss) })] },
  ];
  const told: (readonly RunEvent[])[] = [];
  for (const { spec, engines } of runs) told.push((await made(spec, engines)).events);
  return told;
}

/** Everything that the page does with a log, but for drawing it. */
export function lookedAt(events: readonly RunEvent[]): void {
  const rewind = new Rewind(20);
  rewind.add(events);
  const view = rewind.live;
  for (const step of [0, 1, 7, view.step]) {
    const past = rewind.viewAt(step);
    for (const { id } of CLOCKS) clockAt(past, id, step);
  }
  const ticks = new Ticks();
  ticks.add(events);
  nextTick(ticks.list, 0, 1);
  JSON.stringify(resultOf(events));
  [keptChannels(view), returnedChannels(view), view.start && budgetChannels(view.start)].forEach(Number);
  for (const { report } of view.stages) {
    for (const { kernels } of report.layers) if (kernels) unpackBits(kernels);
  }
}

export function logs(effort: Effort): void {
  describe('logs', () => {
    let real: readonly (readonly RunEvent[])[] = [];
    beforeAll(async () => {
      real = await realLogs();
    }, 120_000);

    test('what real runs tell is accepted as it is, of every kind of event', () => {
      for (const events of real) {
        expect(checkEvents(structuredClone(events), SCHEMES)).toEqual(events);
        lookedAt(events);
      }
      const kinds = new Set(real.flat().map(({ kind }) => kind));
      expect([...kinds].sort()).toEqual(
        // What the user does by hand is told by other tests.
        ['batchHalved', 'crop', 'densities', 'diverged', 'evaluate', 'finish', 'prune', 'recovered', 'regrow'].concat([
          'stage',
          'start',
          'step',
          'structure',
        ]),
      );
    });

    test('what is done by hand is accepted too', async () => {
      const { run, events } = await made(specOf({ id: 'chex' }));
      const [start, ...more] = events;
      if (start?.kind !== 'start') throw new Error('no start');
      const log: RunEvent[] = [
        { ...start, parent: { name: 'Another', step: 3 } },
        ...more,
        { kind: 'fork', step: run.step, message: 'Forked from “Another” at step 3.' },
        {
          kind: 'setting',
          step: run.step,
          learningRate: 0.1,
          from: { learningRate: 0.2 },
          message: 'Changed by hand.',
        },
        { kind: 'note', step: run.step, message: 'Said.' },
        { kind: 'error', step: run.step, message: 'It failed.\nIn two lines.' },
      ];
      expect(checkEvents(structuredClone(log), SCHEMES)).toEqual(log);
    });

    test('any change of one event, of every kind: refused by name, or a log that can be folded', () =>
      asserted(effort, 400, [fc.nat(), fc.nat(), fc.nat(), change], async (which, kind, nth, one) => {
        const events = real[which % real.length] ?? [];
        const kinds = [...new Set(events.map((event) => event.kind))];
        const chosen = kinds[kind % kinds.length];
        const places = events.flatMap((event, place) => (event.kind === chosen ? [place] : []));
        const place = places[nth % places.length] ?? 0;
        const given = events.map((event, at): unknown => (at === place ? changed(event, one) : event));
        await guarded(
          () => lookedAt(checkEvents(given, SCHEMES)),
          (error) => error instanceof EventError && withStop(error) && error.message.startsWith(`events[`),
        );
      }));

    test('events in any order, twice, or left out', () =>
      asserted(effort, 200, [fc.nat(), fc.array(fc.nat(), { minLength: 0, maxLength: 40 })], async (which, order) => {
        const events = real[which % real.length] ?? [];
        const given = order.map((place) => events[place % events.length]);
        await guarded(() => lookedAt(checkEvents([events[0], ...given], SCHEMES)), withStop);
        await guarded(() => lookedAt(checkEvents(given, SCHEMES)), withStop);
      }));

    test('logs made up to hang the page are refused before they are folded', async () => {
      const events = real[0] ?? [];
      const start = events[0];
      const structure = events.find((event) => event.kind === 'structure');
      const recovered = real.flat().find((event) => event.kind === 'recovered');
      const prune = events.find((event) => event.kind === 'prune');
      const times = (count: number, of: (index: number) => unknown): unknown[] => [
        start,
        ...Array.from({ length: count }, (_, index) => of(index + 1)),
      ];
      const endless = [
        times(60_000, () => ({ ...recovered, step: 0 })),
        times(200_000, () => ({ ...prune, step: 1, channels: [0], reasons: [] })),
        times(20_000, (step) => ({ kind: 'note', step, message: 'x' })),
        times(101, (step) => ({ ...real.flat().find(({ kind }) => kind === 'densities'), step })),
      ];
      for (const given of endless) {
        expect(await guarded(() => checkEvents(given, SCHEMES), withStop)).toBeNull();
      }
      // As many structures as fit the work, on as many marks as that.
      const many = times(2_000, (step) => ({ ...structure, step, reasons: [] }));
      await guarded(() => lookedAt(checkEvents(many, SCHEMES)), withStop);
    });

    test('recordings: any character changed, or cut off', () =>
      asserted(
        effort,
        150,
        [fc.nat(), fc.nat(), fc.constantFrom('', '"', '}', '9', 'e9', '\\u202e', 'null')],
        async (which, at, text) => {
          const events = real[which % real.length] ?? [];
          const json = encodeRecording(events);
          const place = at % json.length;
          await guarded(
            () => lookedAt(decodeRecording(json.slice(0, place) + text + json.slice(place + 1), SCHEMES).events),
            (error) => error.message.startsWith('The recorded run cannot be shown: '),
          );
          await guarded(
            () => decodeRecording(json.slice(0, place), SCHEMES),
            (error) => error.message.startsWith('The rec'),
          );
        },
      ));
  });
}

/** The message becomes part of a sentence, whose stop whoever shows it adds. */
function withStop(error: Error): boolean {
  if (!(error instanceof EventError)) return false;
  error.message = `${error.message.replace(/\.$/, '')}.`;
  return true;
}
