import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { withoutUndone } from '../core/events/undone.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Engine } from '../engine/engine.ts';
import { Run } from './run.ts';
import {
  LOST,
  type QuadraticEngine,
  madeUpCifar,
  quadraticEngine,
  smallSpec,
  smallTraining,
  timeless,
} from './testing.ts';

/** A run that finds the engines given, one after the other. */
async function opened(engines: readonly QuadraticEngine[], spec: Spec = smallSpec()) {
  const [first = quadraticEngine(), ...others] = engines;
  const events: RunEvent[] = [];
  const bytes: number[] = [];
  const failed: Engine[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event), onMemory: (now) => bytes.push(now) });
  const reopen = async (engine: Engine): Promise<Engine> => {
    failed.push(engine);
    const next = others.shift();
    if (!next) throw new Error('There is no adapter.');
    return next;
  };
  await run.open(first, madeUpCifar(), { reopen });
  return { run, events, failed, bytes };
}

async function finished(engines: readonly QuadraticEngine[], spec?: Spec) {
  const lab = await opened(engines, spec);
  await lab.run.run();
  return { ...lab, told: told(lab.events), parameters: (await lab.run.checkpoint()).trainer };
}

/** What a reader of the log is left with, but for what is told of recoveries. */
const told = (events: readonly RunEvent[]) =>
  timeless(withoutUndone(events).filter(({ kind }) => kind !== 'recovered' && kind !== 'batchHalved'));

const of = <Kind extends RunEvent['kind']>(events: readonly RunEvent[], kind: Kind) =>
  events.filter((event): event is RunEvent & { readonly kind: Kind } => event.kind === kind);

describe('a lost device', () => {
  test('at any step: the run goes on by itself and ends bit-equal to an undisturbed one', async () => {
    const undisturbed = await finished([quadraticEngine()]);
    for (const loseAt of [0, 1, 4, 5, 12, 17, 22]) {
      const lost = await finished([quadraticEngine({ loseAt }), quadraticEngine()]);
      expect(lost.run.phase).toBe('done');
      expect(lost.told).toEqual(undisturbed.told);
      expect(lost.parameters).toEqual(undisturbed.parameters);
      expect(of(lost.events, 'recovered')).toMatchObject([
        { step: 0, message: expect.stringContaining(loseAt === 0 ? 'where it was' : 'from the beginning') },
      ]);
    }
  });

  test('after a pause: back to the checkpoint of the pause, with the scheme and the step it had', async () => {
    const undisturbed = await finished([quadraticEngine()]);
    const { run, events, failed } = await opened([quadraticEngine({ loseAt: 11 }), quadraticEngine()]);
    await run.advance('decision');
    await run.advance('decision');
    expect(run.step).toBe(8);
    await run.run();
    expect(run.phase).toBe('done');
    expect(failed.length).toBe(1);
    const [recovered] = of(events, 'recovered');
    expect(recovered).toMatchObject({ step: 8, adapter: { description: 'a quadratic' } });
    expect(recovered?.from).toBeGreaterThanOrEqual(8);
    expect(told(events)).toEqual(undisturbed.told);
    expect((await run.checkpoint()).trainer).toEqual(undisturbed.parameters);
  });

  test('while the run stands still: it is back where it was, still standing', async () => {
    const first = quadraticEngine();
    const { run, events } = await opened([first, quadraticEngine()]);
    await run.advance('step');
    first.lose(LOST);
    await expect.poll(() => of(events, 'recovered')).toMatchObject([{ step: 1, from: 1 }]);
    expect([run.phase, run.step]).toEqual(['paused', 1]);
    await run.run();
    expect(run.phase).toBe('done');
    expect(told(events)).toEqual((await finished([quadraticEngine()])).told);
  });

  test('three losses in a row without a newer checkpoint: a sentence, and the checkpoint is kept', async () => {
    const losing = () => quadraticEngine({ loseAt: 9 });
    const { run, events, failed } = await opened([losing(), losing(), losing(), quadraticEngine()]);
    await run.advance('decision');
    await run.run();
    expect(run.phase).toBe('error');
    expect(failed.length).toBe(2);
    expect(of(events, 'recovered').map(({ step }) => step)).toEqual([4, 4]);
    expect(events.at(-1)).toMatchObject({
      kind: 'error',
      message: expect.stringMatching(/3 times in a row .* step 4/),
    });
    expect((await run.checkpoint()).trainer.step).toBe(4);
  });

  test('losses with progress between them do not add up', async () => {
    const engines = [3, 7, 11, 15, 19].map((loseAt) => quadraticEngine({ loseAt }));
    const { run, events } = await opened([...engines, quadraticEngine()]);
    for (let i = 0; i < 30 && run.phase !== 'done'; i++) await run.advance('step');
    expect(of(events, 'recovered').length).toBe(5);
    expect(run.phase).toBe('done');
    expect(told(events)).toEqual((await finished([quadraticEngine()])).told);
  });

  test('no other device: stops with both sentences; the history and the checkpoint stay', async () => {
    const { run, events } = await opened([quadraticEngine({ loseAt: 6 })]);
    await run.advance('decision');
    await run.run();
    expect(run.phase).toBe('error');
    const [error] = of(events, 'error');
    expect(error?.message).toContain(LOST);
    expect(error?.message).toContain('There is no adapter.');
    expect(of(events, 'step').length).toBeGreaterThan(3);
    expect((await run.checkpoint()).trainer.step).toBe(4);
  });

  test('a device lost again while the run is being reopened is another loss, not the end', async () => {
    const second = quadraticEngine();
    const dying = { ...second, open: () => (second.lose(LOST), Promise.reject(new Error('mapAsync was aborted'))) };
    const { run, failed } = await opened([quadraticEngine({ loseAt: 6 }), dying, quadraticEngine()]);
    await run.run();
    expect(run.phase).toBe('done');
    expect(failed.length).toBe(2);
  });

  test('a run that is closed meanwhile tells nothing more and leaves nothing on the new engine', async () => {
    const first = quadraticEngine({ loseAt: 2 });
    const second = quadraticEngine();
    const events: RunEvent[] = [];
    const run = new Run(smallSpec(), { onEvent: (event) => events.push(event) });
    let answer: (engine: Engine) => void = () => undefined;
    const asked = new Promise<void>((resolve) => {
      const reopen = () => (resolve(), new Promise<Engine>((found) => (answer = found)));
      void run.open(first, madeUpCifar(), { reopen }).then(() => run.run());
    });
    await asked;
    const before = events.length;
    await run.dispose();
    answer(second);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(events.length).toBe(before);
    expect(first.trainers[0]?.disposed).toBe(true);
    expect(second.trainers.every(({ disposed }) => disposed)).toBe(true);
    expect(second.data.every(({ disposed }) => disposed)).toBe(true);
  });
});

describe('memory that runs out', () => {
  const half = (spec: Spec): Spec => ({ ...spec, train: { ...spec.train, batchSize: spec.train.batchSize / 2 } });
  const withoutStart = (events: readonly RunEvent[]) => told(events.filter(({ kind }) => kind !== 'start'));

  test('at the opening: half the batch, told, and the run is that of the halved spec', async () => {
    const full = (batch: number): boolean => batch > 5;
    const { run, events } = await finished([quadraticEngine({ full }), quadraticEngine({ full })]);
    const expected = await finished([quadraticEngine()], half(smallSpec()));
    expect(run.phase).toBe('done');
    expect(run.spec).toEqual(half(smallSpec()));
    expect(of(events, 'start')[0]?.spec).toEqual(smallSpec());
    expect(of(events, 'batchHalved')).toMatchObject([{ step: 0, from: 10, to: 5, steps: 23, stepsPerEpoch: 20 }]);
    expect(of(events, 'batchHalved')[0]?.message).toMatch(/no memory left.*from 10 to 5/);
    expect(withoutStart(events)).toEqual(withoutStart(expected.events));
  });

  test('in the first step: the same', async () => {
    const full = (batch: number, step: number | null): boolean => batch > 5 && step === 0;
    const { run, events } = await finished([quadraticEngine({ full }), quadraticEngine({ full })]);
    const expected = await finished([quadraticEngine()], half(smallSpec()));
    expect(run.phase).toBe('done');
    expect(of(events, 'batchHalved')).toMatchObject([{ step: 0, from: 10, to: 5 }]);
    expect(withoutStart(events)).toEqual(withoutStart(expected.events));
  });

  test('later on: from the checkpoint on, with as many steps as before', async () => {
    const full = (batch: number, step: number | null): boolean => batch > 5 && (step ?? 0) >= 6;
    const { steps: _, ...rest } = smallTraining();
    const spec = smallSpec({ train: { ...rest, epochs: 3 } });
    const { run, events } = await opened([quadraticEngine({ full }), quadraticEngine({ full })], spec);
    await run.advance('decision');
    await run.run();
    expect(run.phase).toBe('done');
    expect(of(events, 'batchHalved')).toMatchObject([{ step: 4, from: 10, to: 5, steps: 30 }]);
    expect(of(events, 'finish')[0]?.step).toBe(30);
    expect((await run.checkpoint()).spec.train).toMatchObject({ batchSize: 5, steps: 30 });
  });

  test('a second time: a sentence that names what to lower', async () => {
    const always = { full: (_: number, step: number | null): boolean => step === 0 };
    const { run, events } = await opened([1, 2, 3].map(() => quadraticEngine(always)));
    await run.run();
    expect(run.phase).toBe('error');
    expect(of(events, 'batchHalved').length).toBe(1);
    expect(of(events, 'error')[0]?.message).toMatch(
      /from 10 to 5 images already.*train\.batchSize.*model\.width.*data\.train/,
    );

    const opening = { full: (_: number, step: number | null): boolean => step === null };
    await expect(opened([1, 2, 3].map(() => quadraticEngine(opening)))).rejects.toThrow(/already.*train\.batchSize/);
  });

  test('on the device that replaces a lost one: both are told, and the run goes on', async () => {
    const full = (batch: number): boolean => batch > 5;
    const { run, events, failed } = await opened([
      quadraticEngine({ loseAt: 6 }),
      quadraticEngine({ full }),
      quadraticEngine({ full }),
    ]);
    await run.advance('decision');
    await run.run();
    expect(run.phase).toBe('done');
    expect(failed.length).toBe(2);
    expect(of(events, 'batchHalved')).toMatchObject([{ step: 4, from: 10, to: 5, steps: 23 }]);
    expect(of(events, 'recovered')).toMatchObject([{ step: 4 }]);
    const steps = withoutUndone(events).flatMap((event) => (event.kind === 'step' ? [event.step] : []));
    expect(steps).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
  });

  test('a batch of one cannot be halved; without another engine the same one is used', async () => {
    const full = { full: (): boolean => true };
    const one = smallSpec({ train: smallTraining({ batchSize: 1 }) });
    await expect(opened([quadraticEngine(full)], one)).rejects.toThrow(/train\.batchSize/);

    const engine = quadraticEngine({ full: (batch) => batch > 5 });
    const run = new Run(smallSpec(), { onEvent: () => undefined });
    await run.open(engine, madeUpCifar());
    await run.run();
    expect(run.phase).toBe('done');
    expect(engine.data.map(({ disposed }) => disposed)).toEqual([true, false]);
  });
});

test('memory in use is told: data set and trainer', async () => {
  const { run, bytes } = await finished([quadraticEngine()]);
  expect(bytes.length).toBeGreaterThan(0);
  expect(new Set(bytes)).toEqual(new Set([1_500]));
  expect(run.bytes).toBe(1_500);
  await run.dispose();
  expect(run.bytes).toBe(0);
});
