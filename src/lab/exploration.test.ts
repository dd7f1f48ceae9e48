import { afterEach, describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { withoutUndone } from '../core/events/undone.ts';
import { type Structure, type Tensors, keptOf } from '../core/network/index.ts';
import type { Candidate, SchemeProgress } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Engine, Trainer } from '../engine/engine.ts';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { PROBED_IMAGES, RECALIBRATED, candidatesFor, probe } from './probing.ts';
import { type OpenOptions, Run } from './run.ts';
import { Session } from './session.ts';
import {
  LOST,
  type QuadraticEngine,
  type QuadraticOptions,
  madeUpCifar,
  quadraticEngine,
  smallSpec,
  smallTraining,
  timeless,
} from './testing.ts';

vi.mock('../schemes/index.ts', async (original) => {
  const { SCHEMES, schemeById } = await original<typeof import('../schemes/index.ts')>();
  const { probing } = await import('./probing.ts');
  return {
    SCHEMES: [...SCHEMES, probing],
    schemeById: (id: string) => (id === probing.id ? probing : schemeById(id)),
  };
});
afterEach(() => void (probe.during = null));

/** Two decisions; the second one's step is also evaluated. */
const probed = (changes: Partial<Spec> = {}): Spec =>
  smallSpec({
    scheme: { id: 'probing' },
    train: smallTraining({ steps: 9, evaluateEvery: 7 }),
    ...changes,
  });

/** Depends on every tensor and every kept channel, so that no two candidates of a decision are alike. */
function accuracy(parameters: Tensors, structure: Structure): number {
  let sum = 0;
  for (const [name, values] of parameters) values.forEach((value, i) => (sum += value * Math.sin(i + name.length)));
  for (const channel of keptOf(structure, { id: 'conv2', channels: 16 })) sum += Math.cos(channel);
  return 0.5 + Math.sin(sum) / 2;
}

/** A quadratic engine that does something before a candidate is scored, counted from 1. */
function engineWith(before: (call: number) => Promise<void> | void = () => undefined, options: QuadraticOptions = {}) {
  const engine = quadraticEngine({ accuracy, ...options });
  const recalibrated: (readonly number[])[] = [];
  let calls = 0;
  const open: Engine['open'] = async (...given) => {
    const trainer: Trainer = await engine.open(...given);
    const { evaluate, recalibrate } = trainer;
    trainer.evaluate = async (split, limit) => {
      if (split === 'holdOut') await before(++calls);
      return evaluate.call(trainer, split, limit);
    };
    trainer.recalibrate = (steps) => {
      recalibrated.push(steps);
      return recalibrate.call(trainer, steps);
    };
    return trainer;
  };
  return { ...engine, open, recalibrated, scored: () => calls };
}

const closed = ({ trainers, data }: Pick<QuadraticEngine, 'trainers' | 'data'>): boolean =>
  trainers.every(({ disposed }) => disposed) && data.every(({ disposed }) => disposed);

async function opened(engine: Engine, options: OpenOptions = {}, spec = probed()) {
  const events: RunEvent[] = [];
  const progress: (SchemeProgress | null)[] = [];
  const run = new Run(spec, {
    onEvent: (event) => events.push(event),
    onSchemeProgress: (told) => progress.push(told),
  });
  await run.open(engine, madeUpCifar(), options);
  return { run, events, progress };
}

interface Finished {
  readonly events: readonly RunEvent[];
  readonly checkpoint: RunCheckpoint;
}

async function undisturbed(): Promise<Finished> {
  const { run, events } = await opened(engineWith());
  await run.run();
  return { events, checkpoint: await run.checkpoint() };
}

/** A candidate that is not scored before it is let go. */
function held(at: number) {
  let reached: () => void = () => undefined;
  let release: () => void = () => undefined;
  const isReached = new Promise<void>((resolve) => (reached = resolve));
  const released = new Promise<void>((resolve) => (release = resolve));
  const before = async (call: number): Promise<void> => {
    if (call !== at) return;
    reached();
    await released;
  };
  return { before, isReached, release: () => release() };
}

const of = <Kind extends RunEvent['kind']>(events: readonly RunEvent[], kind: Kind) =>
  events.filter((event): event is RunEvent & { readonly kind: Kind } => event.kind === kind);

describe('candidates', () => {
  test('score what trainers opened with them score, in any order; the run is left as it is', async () => {
    const engine = engineWith();
    const checked: number[] = [];
    probe.during = async (explore, structure) => {
      const [trainer] = engine.trainers;
      const before = await trainer?.checkpoint();
      const parameters = before?.parameters ?? new Map();
      const kernel = parameters.get('conv1/kernel') ?? new Float32Array();
      const bias: Candidate = { structure, write: new Map([['dense/bias', new Float32Array(10).fill(0.3)]]) };
      const candidates = [...candidatesFor(structure, kernel, 5), bias, { structure }];
      const wanted: number[] = [];
      for (const candidate of candidates) {
        const merged = new Map([...parameters, ...(candidate.write ?? [])]);
        if (!trainer) throw new Error('the run has no trainer');
        const alone = await engine.open(trainer.network, candidate.structure, merged, trainer.options);
        wanted.push((await alone.evaluate('test')).accuracy);
        alone.dispose();
      }
      expect(new Set(wanted).size).toBe(candidates.length);
      expect(await explore.accuracies(candidates, PROBED_IMAGES)).toEqual(wanted);
      expect(await explore.accuracies(candidates.toReversed(), PROBED_IMAGES)).toEqual(wanted.toReversed());
      expect(await trainer?.checkpoint()).toEqual(before);
      checked.push(trainer?.step ?? 0);
    };
    const { run } = await opened(engine);
    await run.run();
    expect(run.phase).toBe('done');
    expect(checked).toEqual([4, 7]);
    // All but the run's own are released.
    expect(engine.trainers.map(({ disposed }) => disposed).indexOf(false)).toBe(0);
    expect(engine.trainers.filter(({ disposed }) => !disposed).length).toBe(1);
  });

  test('can be tried out only in a decision, on one image at least', async () => {
    const engine = engineWith();
    const kept: Parameters<NonNullable<typeof probe.during>>[0][] = [];
    probe.during = async (explore) => {
      kept.push(explore);
      await expect(explore.accuracies([], 0)).rejects.toThrow(/at least 1, not 0/);
    };
    const { run } = await opened(engine);
    await run.run();
    expect(run.phase).toBe('done');
    await expect(kept[0]?.accuracies([], 5)).rejects.toThrow(/only while it decides/);
  });

  test('progress is told at the start, with every round, and taken back at the end', async () => {
    const { run, progress } = await opened(engineWith());
    await run.run();
    const each = [[0, 0], [6, 1], null];
    expect(progress.map((told) => told && [told.done, told.rounds?.length ?? 0])).toEqual([...each, ...each]);
  });
});

describe('a stage', () => {
  test('is told after its structure and before the evaluation, measured on the run’s own trainer', async () => {
    const engine = engineWith();
    const { run, events } = await opened(engine);
    await run.run();
    const at = (step: number) => events.filter((event) => event.step === step).map(({ kind }) => kind);
    expect(at(4)).toEqual(['step', 'prune', 'structure', 'stage']);
    expect(at(7)).toEqual(['step', 'prune', 'structure', 'stage', 'evaluate']);
    expect(engine.recalibrated).toEqual(
      [4, 7].map((step) => Array.from({ length: RECALIBRATED }, (_, i) => step - 3 + i)),
    );
    for (const { step, accuracy: told, latencyMs, report } of of(events, 'stage')) {
      expect(report.structure).toEqual(of(events, 'structure').find((event) => event.step === step)?.structure);
      expect(latencyMs.before.batch).toBe(64);
      expect(latencyMs.after.batch).toBe(64);
      expect(told.images).toBe(30);
      expect(new Set([told.before, told.masked, told.recalibrated]).size).toBe(3);
    }
    // Nothing is trained between a stage and the evaluation of its step.
    expect(of(events, 'stage').at(-1)?.accuracy.recalibrated).toBe(of(events, 'evaluate')[0]?.testAccuracy);
  });

  test('early in a run is recalibrated over the steps that there were', async () => {
    const engine = engineWith();
    const { run } = await opened(engine);
    const decide = run.plan.scheme.decide.bind(run.plan.scheme);
    run.plan.scheme.decide = async (...given) => ({ ...(await decide(...given)), recalibrate: 50 });
    await run.advance('decision');
    expect(engine.recalibrated).toEqual([[0, 1, 2, 3]]);
  });
});

describe('a pause during a search', () => {
  /** A run that was paused while its `at`-th candidate was scored. */
  async function paused(at: number) {
    const { before, isReached, release } = held(at);
    const engine = engineWith(before);
    const lab = await opened(engine);
    const driving = lab.run.run();
    await isReached;
    lab.run.pause();
    release();
    await driving;
    return { ...lab, engine };
  }

  test.each([1, 4, 8])(
    'at candidate %i: the decision is due again, and nothing is other than undisturbed',
    async (at) => {
      const whole = await undisturbed();
      const { run, events, engine, progress } = await paused(at);
      const step = at > 6 ? 7 : 4;
      expect([run.phase, run.step, run.nextDecision]).toEqual(['paused', step, step]);
      expect(progress.at(-1)).toBeNull();
      expect(events.at(-1)).toMatchObject({ kind: 'step', step });
      expect(engine.trainers.filter(({ disposed }) => !disposed).length).toBe(1);
      const pending = await run.checkpoint();
      expect(pending).toMatchObject({ pending: true, scheme: { made: step === 7 ? 1 : 0 } });
      await run.run();
      expect(run.phase).toBe('done');
      expect(timeless(events)).toEqual(timeless(whole.events));
      expect(await run.checkpoint()).toEqual(whole.checkpoint);

      const resumed = await opened(engineWith(), { resume: await decodeCheckpoint(await encodeCheckpoint(pending)) });
      expect(resumed.run.phase).toBe('paused');
      await resumed.run.run();
      const since = whole.events.filter((event) => event.step > step || (event.step === step && event.kind !== 'step'));
      expect(timeless(resumed.events)).toEqual(timeless(since));
      expect((await resumed.run.checkpoint()).trainer).toEqual(whole.checkpoint.trainer);
    },
  );

  test('“next decision” makes the one that is due, and no step', async () => {
    const { run, events } = await paused(2);
    await run.advance('decision');
    expect([run.phase, run.step, run.nextDecision]).toEqual(['paused', 4, 7]);
    expect(events.at(-1)).toMatchObject({ kind: 'stage', step: 4 });
    await run.advance('step');
    expect(run.step).toBe(5);
  });

  test('gets through to an engine that never leaves the thread, and while images are waited for', async () => {
    const lab = await opened(engineWith());
    probe.during = async () => void setTimeout(() => lab.run.pause(), 0);
    await lab.run.run();
    expect([lab.run.phase, lab.run.step]).toEqual(['paused', 4]);

    const cifar = madeUpCifar({
      before: (file) => (file === 'train-2' ? new Promise(() => undefined) : Promise.resolve()),
    });
    const waiting = new Run(probed(), { onEvent: () => undefined });
    await waiting.open(engineWith(), cifar);
    probe.during = async () => void setTimeout(() => waiting.pause(), 5);
    await waiting.run();
    expect([waiting.phase, waiting.step]).toEqual(['paused', 4]);
    await waiting.dispose();
  });
});

test('closing the run during a search ends it and releases everything once the candidate under way is scored', async () => {
  const { before, isReached, release } = held(3);
  const engine = engineWith(before);
  const { run, events, progress } = await opened(engine);
  let refusal: unknown;
  probe.during = async (explore, structure) =>
    void (await explore.accuracies(candidatesFor(structure, new Float32Array(216), 5), 5).catch((error: unknown) => {
      refusal = error;
      throw error;
    }));
  const driving = run.run();
  await isReached;
  const told = [events.length, progress.length];
  const disposed = run.dispose();
  release();
  await Promise.all([driving, disposed]);
  expect(refusal).toEqual(new Error('The run was closed.'));
  expect(closed(engine)).toBe(true);
  expect([events.length, progress.length]).toEqual(told);
  expect(engine.scored()).toBe(3);
});

describe('a device lost during a search', () => {
  test.each([2, 9])(
    'at candidate %i: the run goes on by itself and ends bit-equal to an undisturbed one',
    async (at) => {
      const whole = await undisturbed();
      const { before, isReached } = held(at);
      const losing = engineWith(before);
      const next = engineWith();
      const { run, events } = await opened(losing, { reopen: async () => next });
      const running = run.run();
      await isReached;
      // The candidate is never answered.
      losing.lose(LOST);
      await running;
      expect(run.phase).toBe('done');
      expect(of(events, 'recovered').length).toBe(1);
      const told = withoutUndone(events).filter(({ kind }) => kind !== 'recovered');
      expect(timeless(told)).toEqual(timeless(whole.events));
      expect((await run.checkpoint()).trainer).toEqual(whole.checkpoint.trainer);
      expect(closed(losing)).toBe(true);
    },
  );

  test('while a fork opens with a decision that is due: it does not open, and leaves nothing behind', async () => {
    const parent = await opened(engineWith());
    await parent.run.advanceTo(3);
    probe.during = async () => parent.run.pause();
    await parent.run.run();
    probe.during = null;
    const resume = await parent.run.checkpoint();
    expect(resume.pending).toBe(true);
    const { before, isReached } = held(2);
    const [losing, next] = [engineWith(before), engineWith()];
    const fork = new Run(probed(), { onEvent: () => undefined });
    const opening = fork.open(losing, madeUpCifar(), { resume, fork: {}, reopen: async () => next });
    const refused = expect(opening).rejects.toThrow(LOST);
    await isReached;
    losing.lose(LOST);
    await refused;
    await fork.dispose();
    expect([closed(losing), closed(next)]).toEqual([true, true]);
  });

  test('while the run is paused in the middle of it: it stands earlier, and ends as undisturbed', async () => {
    const whole = await undisturbed();
    const { before, isReached, release } = held(3);
    const losing = engineWith(before);
    const { run, events } = await opened(losing, { reopen: async () => engineWith() });
    const driving = run.run();
    await isReached;
    run.pause();
    release();
    await driving;
    losing.lose(LOST);
    await expect.poll(() => of(events, 'recovered').length).toBe(1);
    await run.run();
    const told = withoutUndone(events).filter(({ kind }) => kind !== 'recovered');
    expect(timeless(told)).toEqual(timeless(whole.events));
  });
});

describe('in a race', () => {
  function race(engine: Engine) {
    const events = new Map<number, RunEvent[]>();
    const states = new Map<number, string>();
    const session = new Session(
      { openEngine: async () => ({ engine }), openData: async () => madeUpCifar() },
      {
        onState: () => undefined,
        onRunState: (run, state) => states.set(run, state),
        onEvent: (run, event) => events.set(run, [...(events.get(run) ?? []), event]),
        onSnapshots: () => undefined,
        onSchemeProgress: () => undefined,
        onData: () => undefined,
        onMemory: () => undefined,
        onEngine: () => undefined,
        onProblem: (message) => expect.fail(message),
      },
    );
    const log = (run: number): readonly RunEvent[] => events.get(run) ?? [];
    const stepOf = (run: number): number => of(log(run), 'step').at(-1)?.step ?? 0;
    return { session, states, log, stepOf };
  }

  test('another run goes on between the candidates, and both are what they are alone', async () => {
    const whole = await undisturbed();
    const seen: number[] = [];
    const engine = engineWith(() => void seen.push(lab.stepOf(2)));
    const lab = race(engine);
    const dense = smallSpec({ scheme: { id: 'dense' }, train: smallTraining({ steps: 4_000, evaluateEvery: 4_000 }) });
    await lab.session.open([
      { run: 1, spec: probed() },
      { run: 2, spec: dense },
    ]);
    lab.session.run();
    await vi.waitFor(() => expect(lab.states.get(1)).toBe('done'), { timeout: 10_000 });
    expect(seen.length).toBe(12);
    expect(new Set(seen).size).toBe(12);
    expect(timeless(lab.log(1))).toEqual(timeless(whole.events));
    await Promise.all([lab.session.remove(1), lab.session.remove(2)]);
    expect(closed(engine)).toBe(true);
  });

  test('a fork from before a decision makes it again: it is its parent', async () => {
    const lab = race(engineWith());
    await lab.session.open([{ run: 1, spec: probed() }]);
    lab.session.run();
    await vi.waitFor(() => expect(lab.states.get(1)).toBe('done'));
    await lab.session.fork({ run: 2, spec: probed({ name: 'again' }), from: { run: 1, step: 4 } });
    expect(of(lab.log(2), 'stage').map(({ step }) => step)).toEqual([4]);
    lab.session.run();
    await vi.waitFor(() => expect(lab.states.get(2)).toBe('done'));
    const deeds = (run: number) =>
      timeless(lab.log(run).filter(({ kind }) => !['start', 'fork', 'finish'].includes(kind)));
    expect(deeds(2)).toEqual(deeds(1));
  });
});
