import { describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Engine } from '../engine/engine.ts';
import { Run } from './run.ts';
import { Session } from './session.ts';
import {
  LOST,
  type QuadraticEngine,
  type QuadraticOptions,
  madeUpCifar,
  quadraticEngine,
  smallSpec,
  smallTraining,
} from './testing.ts';

/** Scores by SynFlow before the first step; nothing is pruned, so that scores of no network in particular will do. */
const scheme = {
  id: 'pai-mask',
  budget: { kind: 'parameters', keep: 1 },
  score: 'synflow',
  pattern: 'scored',
  passes: 6,
};
const specOf = (changes: Partial<Spec> = {}): Spec =>
  smallSpec({ scheme: scheme as Spec['scheme'], train: smallTraining({ steps: 6 }), ...changes });

/** A quadratic engine that takes rules and does something before each gradient. */
function scoringEngine(
  before: (call: number) => Promise<void> | void = () => undefined,
  options: QuadraticOptions = {},
) {
  const engine = quadraticEngine(options);
  let calls = 0;
  const open: Engine['open'] = async (...given) => {
    const trainer = await engine.open(...given);
    trainer.setRules = async () => undefined;
    const { gradients } = trainer;
    trainer.gradients = async (request) => {
      await before(++calls);
      return gradients.call(trainer, request);
    };
    return trainer;
  };
  return { ...engine, open, calls: () => calls };
}

const closed = ({ trainers, data }: Pick<QuadraticEngine, 'trainers' | 'data'>): boolean =>
  trainers.every(({ disposed }) => disposed) && data.every(({ disposed }) => disposed);

function runOf(spec = specOf()) {
  const events: RunEvent[] = [];
  const progress: (SchemeProgress | null)[] = [];
  const run = new Run(spec, {
    onEvent: (event) => events.push(event),
    onSchemeProgress: (told) => progress.push(told),
  });
  return { run, events, progress };
}

/** A gradient that waits until it is let go. */
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

test('progress is told at the start and taken back at the end; the scoring trainer is released', async () => {
  const engine = scoringEngine();
  const { run, events, progress } = runOf();
  await run.open(engine, madeUpCifar());
  expect(engine.calls()).toBe(6);
  expect(progress[0]).toEqual({ what: 'SynFlow passes', done: 0, of: 6 });
  expect(progress.at(-1)).toBeNull();
  expect(engine.trainers.map(({ disposed }) => disposed)).toEqual([true, false]);
  expect(events.map(({ kind }) => kind)).toEqual(['start', 'densities', 'structure']);
  await run.run();
  expect(run.phase).toBe('done');
  await run.dispose();
  expect(closed(engine)).toBe(true);
});

describe('closing the run meanwhile', () => {
  test('ends it, and releases everything once the gradient under way is done', async () => {
    const { before, isReached, release } = held(3);
    const engine = scoringEngine(before);
    const { run, progress } = runOf();
    const opening = run.open(engine, madeUpCifar());
    const refused = expect(opening).rejects.toThrow('The run was closed.');
    await isReached;
    await run.dispose();
    // The engine still uses what the trainer holds.
    expect(engine.trainers[0]?.disposed).toBe(false);
    const told = progress.length;
    release();
    await refused;
    expect(closed(engine)).toBe(true);
    expect([engine.calls(), progress.length]).toEqual([3, told]);
  });

  test('while it waits for images that never come: at once', async () => {
    const cifar = madeUpCifar({ before: () => new Promise(() => undefined) });
    const engine = scoringEngine();
    const { run } = runOf(specOf({ scheme: { ...scheme, score: 'snip' } as Spec['scheme'] }));
    const refused = expect(run.open(engine, cifar)).rejects.toThrow('The run was closed.');
    await vi.waitFor(() => expect(engine.data.length).toBe(1));
    await run.dispose();
    await refused;
    expect(closed(engine)).toBe(true);
  });
});

describe('a device lost meanwhile', () => {
  test('at the opening: its sentence, and everything is released though the gradient is never answered', async () => {
    const { before, isReached } = held(2);
    const engine = scoringEngine(before);
    const { run } = runOf();
    const refused = expect(run.open(engine, madeUpCifar())).rejects.toThrow(LOST);
    await isReached;
    engine.lose(LOST);
    await refused;
    expect(closed(engine)).toBe(true);
  });

  test('while the run goes back to its beginning: once more, on another device', async () => {
    const second = held(2);
    const engines = [scoringEngine(second.before), scoringEngine()];
    const { run, events } = runOf();
    const reopen = (): Promise<Engine> => {
      const next = engines.shift();
      return next ? Promise.resolve(next) : Promise.reject(new Error('There is no adapter.'));
    };
    const [losing] = engines;
    await run.open(scoringEngine(undefined, { loseAt: 0 }), madeUpCifar(), { reopen });
    const running = run.run();
    await second.isReached;
    losing?.lose(LOST);
    await running;
    expect(run.phase).toBe('done');
    expect(events.filter(({ kind }) => kind === 'recovered').length).toBe(1);
  });
});

describe('in a race', () => {
  function race(engine: Engine) {
    const steps = new Map<number, number>();
    const states = new Map<number, string>();
    const preparing = new Map<number, SchemeProgress | null>();
    const session = new Session(
      { openEngine: async () => ({ engine }), openData: async () => madeUpCifar() },
      {
        onState: () => undefined,
        onRunState: (run, state) => states.set(run, state),
        onEvent: (run, event) => event.kind === 'step' && steps.set(run, event.step),
        onSnapshots: () => undefined,
        onSchemeProgress: (run, told) => preparing.set(run, told),
        onData: () => undefined,
        onMemory: () => undefined,
        onEngine: () => undefined,
        onProblem: () => undefined,
      },
    );
    return { session, steps, states, preparing };
  }
  const dense = (steps: number): Spec =>
    smallSpec({ scheme: { id: 'dense' }, train: smallTraining({ steps, evaluateEvery: steps }) });

  test('a run that trains goes on between the gradients of one that prepares', async () => {
    const seen: number[] = [];
    const engine = scoringEngine(async () => {
      seen.push(lab.steps.get(1) ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
    });
    const lab = race(engine);
    await lab.session.open([{ run: 1, spec: dense(4_000) }]);
    lab.session.run();
    await vi.waitFor(() => expect(lab.steps.get(1)).toBeGreaterThan(0));
    await lab.session.add({ run: 2, spec: specOf() });
    expect(seen.length).toBe(6);
    // It got on from each gradient to the next.
    expect(new Set(seen).size).toBe(6);
    expect(lab.preparing.get(2)).toBeNull();
    await vi.waitFor(() => expect(lab.states.get(2)).toBe('done'), { timeout: 10_000 });
    await Promise.all([lab.session.remove(1), lab.session.remove(2)]);
    expect(closed(engine)).toBe(true);
  });

  test('a run removed while it prepares stands in nobody’s way', async () => {
    const { before, isReached, release } = held(2);
    const engine = scoringEngine(before);
    const lab = race(engine);
    void lab.session.open([{ run: 1, spec: specOf() }]);
    await isReached;
    const removed = lab.session.remove(1);
    const added = lab.session.add({ run: 2, spec: dense(5) });
    release();
    await Promise.all([removed, added]);
    expect(engine.calls()).toBe(2);
    expect(lab.states.get(2)).toBe('idle');
    await lab.session.remove(2);
    expect(closed(engine)).toBe(true);
  });
});
