import { describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import { buildNetwork, countStructure, keepsTap } from '../core/network/index.ts';
import { Run } from './run.ts';
import { Session, type SessionListener } from './session.ts';
import {
  type QuadraticEngine,
  type QuadraticOptions,
  madeUpCifar,
  quadraticEngine,
  smallSpec,
  smallTraining,
  timeless,
} from './testing.ts';

function race(options: QuadraticOptions = {}) {
  const engines: QuadraticEngine[] = [];
  const events = new Map<number, RunEvent[]>();
  const states = new Map<number, string>();
  const snapshots = new Map<number, readonly number[]>();
  const problems: { message: string; run: number | undefined }[] = [];
  /** Run and step of every training step told, in order. */
  const order: [number, number][] = [];
  let state = 'idle';
  const listener: SessionListener = {
    onState: (next) => (state = next),
    onRunState: (run, next) => void states.set(run, next),
    onEvent: (run, event) => {
      events.set(run, [...(events.get(run) ?? []), event]);
      if (event.kind === 'step') order.push([run, event.step]);
    },
    onSnapshots: (run, steps) => void snapshots.set(run, steps),
    onSchemeProgress: () => undefined,
    onData: () => undefined,
    onMemory: () => undefined,
    onEngine: () => undefined,
    onProblem: (message, _, run) => problems.push({ message, run }),
  };
  const openEngine = async () => {
    const engine = quadraticEngine(engines.length === 0 ? options : {});
    engines.push(engine);
    return { engine };
  };
  const session = new Session({ openEngine, openData: async () => madeUpCifar() }, listener);
  const reach = (wanted: string): Promise<void> =>
    vi.waitFor(() => expect(state).toBe(wanted), { timeout: 5_000, interval: 5 });
  const log = (run: number): RunEvent[] => events.get(run) ?? [];
  return { session, engines, log, states, snapshots, problems, order, reach };
}

/** The same spec by itself, on an engine of its own. */
async function alone(spec: Spec): Promise<RunEvent[]> {
  const events: RunEvent[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event) });
  await run.open(quadraticEngine(), madeUpCifar());
  await run.run();
  return events;
}

const dense = (changes: Partial<Spec> = {}): Spec => smallSpec({ name: 'dense', scheme: { id: 'dense' }, ...changes });
const half = smallSpec();
const most = smallSpec({ name: 'most', scheme: { ...half.scheme, budget: { kind: 'channels', keep: 0.75 } } });

describe('a race', () => {
  test('every run is what it is alone, on images that are there once', async () => {
    const specs = [half, most, dense(), dense({ seed: 8, data: { train: 60, test: 20, holdOut: 10 } })];
    const lab = race();
    await lab.session.open(specs.map((spec, i) => ({ run: i + 1, spec })));
    lab.session.run();
    await lab.reach('done');
    for (const [i, spec] of specs.entries()) {
      expect(timeless(lab.log(i + 1)), spec.name).toEqual(timeless(await alone(spec)));
    }
    // Three share their images; the fourth uses others.
    expect(lab.engines.length).toBe(1);
    expect(lab.engines[0]?.data.length).toBe(2);
  });

  test('runs go in step: none is further ahead of another than two calls to the engine', async () => {
    const lab = race();
    await lab.session.open([half, most, dense()].map((spec, i) => ({ run: i + 1, spec })));
    lab.session.run();
    await lab.reach('done');
    const reached = new Map([1, 2, 3].map((run) => [run, 0]));
    for (const [run, step] of lab.order) {
      reached.set(run, step);
      // A call stops at the next thing that is due: here seven steps on at most.
      const steps = [...reached.values()];
      expect(Math.max(...steps) - Math.min(...steps)).toBeLessThanOrEqual(14);
    }
  });

  test('one pauses all; a step is one of each; to the next decision of any of them', async () => {
    const lab = race();
    const later = smallSpec({ name: 'later', scheme: { ...half.scheme, every: 6, until: 18 } });
    await lab.session.open([half, later, dense()].map((spec, i) => ({ run: i + 1, spec })));
    const stepOf = (run: number): number => lab.log(run).findLast(({ kind }) => kind === 'step')?.step ?? 0;
    const advanced = async (to: 'step' | 'decision', steps: number[]): Promise<void> => {
      lab.session.advance(to);
      await vi.waitFor(() => expect([1, 2, 3].map(stepOf)).toEqual(steps), { timeout: 3_000 });
      await lab.reach('paused');
      expect([1, 2, 3].map(stepOf)).toEqual(steps);
    };
    await advanced('step', [1, 1, 1]);
    await advanced('decision', [4, 4, 4]);
    await advanced('decision', [6, 6, 6]);
    await advanced('decision', [8, 8, 8]);
  });

  test('a run that diverges stops alone, with its sentence; so does one that is refused', async () => {
    const lab = race();
    const wild = dense({ name: 'wild', train: smallTraining({ learningRate: 90 }) });
    const tooSmall = smallSpec({ scheme: { ...half.scheme, minimum: 64 } });
    await lab.session.open([half, wild, tooSmall].map((spec, i) => ({ run: i + 1, spec })));
    expect(lab.problems).toEqual([{ message: expect.stringMatching(/^scheme\.budget/), run: 3 }]);
    lab.session.run();
    await lab.reach('done');
    expect([1, 2, 3].map((run) => lab.states.get(run))).toEqual(['done', 'error', 'error']);
    expect(lab.log(2).at(-1)).toMatchObject({ kind: 'diverged' });
    expect(timeless(lab.log(1))).toEqual(timeless(await alone(half)));
  });

  test('a run for which there is no memory stops alone', async () => {
    const lab = race({ full: (batchSize) => batchSize > 20 });
    const hungry = dense({ name: 'hungry', train: smallTraining({ batchSize: 40 }) });
    await lab.session.open([half, hungry].map((spec, i) => ({ run: i + 1, spec })));
    lab.session.run();
    await lab.reach('done');
    expect(lab.problems).toEqual([{ message: expect.stringMatching(/no memory left.*beside the others/), run: 2 }]);
    expect(timeless(lab.log(1))).toEqual(timeless(await alone(half)));
    expect(lab.engines.length).toBe(1);
  });

  test('a lost device is replaced for all, and every run ends as if nothing had been', async () => {
    const lab = race({ loseAt: 9 });
    await lab.session.open([half, dense()].map((spec, i) => ({ run: i + 1, spec })));
    lab.session.run();
    await lab.reach('done');
    expect(lab.engines.length).toBe(2);
    for (const [i, spec] of [half, dense()].entries()) {
      const recovered = lab.log(i + 1).findIndex(({ kind }) => kind === 'recovered');
      expect(recovered).toBeGreaterThan(0);
      const steps = (log: readonly RunEvent[]): readonly unknown[] =>
        timeless(log.filter(({ kind }) => kind === 'step'));
      const told = steps(lab.log(i + 1)).slice(-5);
      expect(told).toEqual(steps(await alone(spec)).slice(-5));
    }
  });

  test('a run may join while others train, and leave again without their noticing', async () => {
    const lab = race();
    await lab.session.open([{ run: 1, spec: half }]);
    lab.session.run();
    await lab.session.add({ run: 2, spec: dense() });
    void lab.session.add({ run: 3, spec: most });
    await lab.session.remove(3);
    await lab.reach('done');
    expect(timeless(lab.log(1))).toEqual(timeless(await alone(half)));
    expect(timeless(lab.log(2))).toEqual(timeless(await alone(dense())));
    expect(lab.log(3).at(-1)?.kind).not.toBe('finish');
  });

  test('a seventh run is refused, and so is a list with one bad spec, which changes nothing', async () => {
    const lab = race();
    await lab.session.open([1, 2, 3, 4, 5, 6].map((run) => ({ run, spec: dense() })));
    await lab.session.add({ run: 7, spec: dense() });
    expect(lab.problems.at(-1)).toMatchObject({ message: expect.stringMatching(/at most 6/), run: 7 });
    await lab.session.open([
      { run: 8, spec: half },
      { run: 9, spec: { ...half, sede: 1 } },
    ]);
    expect(lab.problems.at(-1)).toMatchObject({ run: 9 });
    expect(lab.log(8)).toEqual([]);
    expect(lab.states.get(6)).toBe('idle');
  });
});

/** What decides about training: steps, evaluations and structures, in order. */
const deeds = (events: readonly RunEvent[]): readonly unknown[] =>
  timeless(events.filter(({ kind }) => !['start', 'fork', 'note', 'finish'].includes(kind)));

describe('a fork', () => {
  /** A parent that has trained to its end, and a fork of it. */
  async function forked(step: number, spec: Spec, channels?: Record<string, readonly number[]>) {
    const lab = race();
    await lab.session.open([{ run: 1, spec: half }]);
    lab.session.run();
    await lab.reach('done');
    const parent = [...lab.log(1)];
    await lab.session.fork({ run: 2, spec, from: { run: 1, step }, ...(channels ? { channels } : {}) });
    lab.session.run();
    await vi.waitFor(() => expect(['done', 'error']).toContain(lab.states.get(2)), { timeout: 5_000 });
    expect(lab.log(1)).toEqual(parent);
    return { ...lab, parent, child: lab.log(2) };
  }

  test('without a change it is its parent again, bit for bit, from every kept checkpoint', async () => {
    const { snapshots } = await forked(8, smallSpec({ name: 'again' }));
    const steps = snapshots.get(1) ?? [];
    expect(steps).toEqual([4, 7, 8, 12, 14, 16, 21, 23]);
    for (const step of steps.slice(0, -1)) {
      const { parent, child } = await forked(step, smallSpec({ name: 'again' }));
      expect(deeds(child), `step ${step}`).toEqual(deeds(parent));
    }
  });

  test('with another budget it is its parent until its first decision, which is its own, and ends within it', async () => {
    const spec = smallSpec({
      name: 'less',
      scheme: { ...half.scheme, budget: { kind: 'channels', keep: 0.3 }, until: 20 },
    });
    const { parent, child } = await forked(12, spec);
    const before = (events: readonly RunEvent[]): readonly unknown[] =>
      deeds(events.filter((event) => event.step < 12 || (event.step === 12 && event.kind === 'step')));
    expect(before(child)).toEqual(before(parent));
    const at = (events: readonly RunEvent[]): RunEvent | undefined =>
      events.find((event) => event.kind === 'structure' && event.step === 12);
    expect(at(child)).not.toEqual(at(parent));
    const last = child.findLast((event) => event.kind === 'structure');
    const kept = Object.values(last?.kind === 'structure' ? last.widths : {}).reduce((sum, width) => sum + width, 0);
    // 8 + 16 + 16 + 32 channels may be cut.
    expect(kept).toBe(Math.ceil(0.3 * 72));
    expect(child[0]).toMatchObject({ kind: 'start', parent: { name: 'small', step: 12 }, spec: { name: 'less' } });
    expect(child.filter(({ kind }) => kind === 'fork')).toMatchObject([{ step: 12 }]);
  });

  test('with channels switched off by hand it goes on without them', async () => {
    const { child } = await forked(21, smallSpec({ name: 'by hand' }), { conv2: [0, 2] });
    const byHand = child.find((event) => event.kind === 'structure' && event.by === 'hand');
    expect(byHand).toMatchObject({ step: 21, widths: { conv2: 2 } });
    expect(child.find((event) => event.kind === 'prune' && event.step === 21)).toMatchObject({ layer: 'conv2' });
    expect(child.at(-1)).toMatchObject({ kind: 'finish', step: 23 });
  });

  test('with taps chosen by hand it trains those alone, and says who chose', async () => {
    const parent = new Run(half, { onEvent: () => undefined });
    await parent.open(quadraticEngine(), madeUpCifar());
    await parent.advanceTo(20);
    const from = await parent.checkpoint();
    const taps = { conv2: { stride: 2, offsets: [0, 1, 1, 0, 1, 0, 1, 1] } };
    const events: RunEvent[] = [];
    const fork = new Run(half, { onEvent: (event) => events.push(event) });
    const losing = quadraticEngine();
    const reopen = async () => quadraticEngine();
    await fork.open(losing, madeUpCifar(), { resume: from, fork: { taps }, reopen });
    const structure = { ...from.trainer.structure, taps };
    const { macs, parameters } = countStructure(buildNetwork('convnet-micro'), structure);
    expect(events).toMatchObject([
      { kind: 'structure', step: 20, by: 'hand', structure, macs, parameters, reasons: [] },
    ]);
    // What was changed by hand outlives the device.
    losing.lose('The graphics device was lost.');
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ kind: 'recovered', step: 20 }));
    await fork.run();
    const after = (await fork.checkpoint()).trainer;
    expect(after.structure).toEqual(structure);
    const { conv1 = [], conv2 = [] } = structure.channels;
    const before = from.trainer.parameters.get('conv2/kernel') ?? new Float32Array();
    const same = (i: number): boolean => after.parameters.get('conv2/kernel')?.[i] === before[i];
    const trained = Array.from(before, (_, i) => {
      const [tap, input, output] = [Math.floor(i / (8 * 16)), Math.floor(i / 16) % 8, i % 16];
      return conv1.includes(input) && conv2.includes(output) && keepsTap(taps.conv2, input, tap);
    });
    expect(Array.from(before, (_, i) => !same(i))).toEqual(trained);
    expect(trained.filter(Boolean).length).toBeGreaterThan(20);
  });

  test('what contradicts its parent is refused with the key, and so is a step without a checkpoint', async () => {
    const lab = race();
    await lab.session.open([{ run: 1, spec: half }]);
    lab.session.run();
    await lab.reach('done');
    const from = { run: 1, step: 8 };
    await lab.session.fork({ run: 2, spec: smallSpec({ seed: 6 }), from });
    await lab.session.fork({
      run: 3,
      spec: smallSpec({ train: smallTraining({ steps: 8 }), scheme: { id: 'dense' } }),
      from,
    });
    await lab.session.fork({ run: 4, spec: half, from: { run: 1, step: 9 } });
    await lab.session.fork({ run: 5, spec: half, from, channels: { conv2: [] } });
    const offsets = Array<number>(8).fill(2);
    await lab.session.fork({ run: 6, spec: half, from, taps: { conv2: { stride: 2, offsets } } });
    await lab.session.fork({ run: 7, spec: half, from, taps: { conv2: { stride: 3, offsets: [0] } } });
    await lab.session.fork({ run: 8, spec: half, from, taps: { dense: { stride: 3, offsets } } });
    expect(lab.problems.map(({ run, message }) => [run, message.split(/[ :]/)[0]])).toEqual([
      [2, 'seed'],
      [3, 'train.steps'],
      [4, 'Step'],
      ...[5, 6, 7].map((run) => [run, 'structure']),
      [8, 'network'],
    ]);
    const sentences = [/tap offset 2 of "conv2"/, /"conv2" needs 8 tap offsets/, /"dense"/];
    sentences.forEach((sentence, i) => expect(lab.problems[i + 4]?.message).toMatch(sentence));
  });
});

describe('a setting changed on the way', () => {
  test('holds from the next update on, is told, and is part of what a fork goes on from', async () => {
    const constant = dense({ train: smallTraining({ schedule: 'constant', warmup: 0, evaluateEvery: 5 }) });
    const lab = race();
    await lab.session.open([{ run: 1, spec: constant }]);
    for (let i = 0; i < 7; i++) {
      lab.session.advance('step');
      await vi.waitFor(() => expect(lab.order.length).toBe(i + 1));
      await lab.reach('paused');
    }
    lab.session.change(1, { learningRate: 0.01 });
    lab.session.change(1, { weightDecay: -1 });
    expect(lab.problems.at(-1)).toMatchObject({ message: expect.stringMatching(/^train\.weightDecay/), run: 1 });
    lab.session.run();
    await lab.reach('done');
    const rates = (run: number): number[] =>
      lab.log(run).flatMap((event) => (event.kind === 'step' ? [event.learningRate] : []));
    expect(rates(1)).toEqual([...Array(7).fill(0.05), ...Array(16).fill(0.01)]);
    expect(lab.log(1).filter(({ kind }) => kind === 'setting')).toMatchObject([{ step: 7, learningRate: 0.01 }]);

    await lab.session.fork({ run: 2, spec: { ...constant, name: 'later' }, from: { run: 1, step: 10 } });
    await lab.session.fork({ run: 3, spec: { ...constant, name: 'earlier' }, from: { run: 1, step: 5 } });
    lab.session.run();
    await lab.reach('done');
    expect(deeds(lab.log(2))).toEqual(deeds(lab.log(1)));
    expect(rates(3)).toEqual(Array(23).fill(0.05));
  });
});
