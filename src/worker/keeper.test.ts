import { describe, expect, test, vi } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Engine } from '../engine/engine.ts';
import { type RunCheckpoint, decodeCheckpoint } from '../lab/checkpoint.ts';
import { Session } from '../lab/session.ts';
import { madeUpCifar, quadraticEngine, smallSpec, smallTraining, timeless } from '../lab/testing.ts';
import { RunStore } from '../persist/store.ts';
import { Disk, FakeLocks, MemoryBackend } from '../persist/testing.ts';
import { SCHEMES } from '../schemes/index.ts';
import { Keeper } from './keeper.ts';
import type { Report } from './messages.ts';
import { Saving } from './saving.ts';

/** A tab: the worker's session and keeper on a quadratic engine, and what they tell. */
function tab(disk = new Disk(), locks = new FakeLocks(), engine: () => Engine = quadraticEngine) {
  const backend = new MemoryBackend(disk);
  const store = new RunStore(backend, { schemes: SCHEMES, locks });
  const reports: Report[] = [];
  const keeper = new Keeper(store, (report) => reports.push(report));
  const events = new Map<number, RunEvent[]>();
  const states = new Map<number, string>();
  const session = new Session(
    { openEngine: async () => ({ engine: engine() }), openData: async () => madeUpCifar() },
    {
      onState: () => undefined,
      onRunState: (run, state) => {
        states.set(run, state);
        keeper.onRunState(run, state);
      },
      onEvent: (run, event) => {
        events.set(run, [...(events.get(run) ?? []), event]);
        keeper.onEvent(run, event);
      },
      onCheckpoint: (run, checkpoint, told) => keeper.onCheckpoint(run, checkpoint, told),
      onClosed: (run) => keeper.onClosed(run),
      onSnapshots: () => undefined,
      onSchemeProgress: () => undefined,
      onData: () => undefined,
      onMemory: () => undefined,
      onEngine: () => undefined,
      onProblem: (message, _problems, run) =>
        reports.push({ type: 'problem', message, ...(run === undefined ? {} : { run }) }),
    },
  );
  const saved = (run: number): number[] =>
    reports.flatMap((report) => (report.type === 'saved' && report.run === run ? [report.step] : []));
  return {
    disk,
    locks,
    backend,
    store,
    reports,
    keeper,
    session,
    saved,
    eventsOf: (run: number): readonly RunEvent[] => events.get(run) ?? [],
    until: (run: number, state: string) =>
      vi.waitFor(() => expect(states.get(run)).toBe(state), { timeout: 5_000, interval: 2 }),
    untilSaved: (run: number, step: number) =>
      vi.waitFor(() => expect(saved(run).at(-1)).toBe(step), { timeout: 5_000, interval: 2 }),
    resume: (run: number, id: string, spec: Spec = smallSpec()) =>
      session.resume({ run, spec, load: () => keeper.load(run, id) }),
    /** The tab goes away between two operations of its storage. */
    crash(): void {
      backend.close();
      for (const { key } of disk.stores.get('runs')?.values() ?? []) locks.crash(String(key));
    },
    async only() {
      const { runs } = await store.list();
      expect(runs).toHaveLength(1);
      const [run] = runs;
      if (!run) throw new Error('nothing is kept');
      return run;
    },
    async checkpoint(id: string): Promise<RunCheckpoint> {
      const { checkpoint } = await store.read(id);
      if (!checkpoint) throw new Error('no checkpoint is kept');
      return decodeCheckpoint(checkpoint);
    },
  };
}

async function trained(steps: number, page = tab(), spec = smallSpec()) {
  await page.session.open([{ run: 1, spec }]);
  for (let step = 1; step <= steps; step++) {
    page.session.advance('step');
    await vi.waitFor(() => expect(page.eventsOf(1).findLast(({ kind }) => kind === 'step')?.step).toBe(step), {
      interval: 1,
    });
    await page.until(1, step === spec.train.steps ? 'done' : 'paused');
  }
  await page.untilSaved(1, steps);
  return page;
}

async function undisturbed(spec = smallSpec()) {
  const page = tab();
  await page.session.open([{ run: 1, spec }]);
  page.session.run();
  await page.until(1, 'done');
  await page.untilSaved(1, 23);
  const { id } = await page.only();
  return { events: page.eventsOf(1), checkpoint: await page.checkpoint(id), page };
}

describe('a run whose tab goes away', () => {
  // Where a decision and an evaluation are due, between them, at the ends.
  test.each([1, 4, 7, 10, 22])('after step %i goes on from there and ends as one never disturbed', async (step) => {
    const whole = await undisturbed();
    const { disk, locks, crash } = await trained(step);
    crash();
    const next = tab(disk, locks);
    const { id, state } = await next.only();
    expect(state).not.toBe('done');
    await next.resume(7, id);
    await next.until(7, 'paused');
    expect(next.eventsOf(7).findLast(({ kind }) => kind === 'step')?.step).toBe(step);
    next.session.run();
    await next.until(7, 'done');
    await next.untilSaved(7, 23);
    expect(timeless(next.eventsOf(7))).toEqual(timeless(whole.events));
    const { checkpoint, events, run } = await next.store.read(id);
    expect(run).toMatchObject({ step: 23, steps: 23, checkpoint: { events: events.length } });
    expect(timeless(events)).toEqual(timeless(whole.events));
    expect(checkpoint && (await decodeCheckpoint(checkpoint))).toEqual(whole.checkpoint);
    await vi.waitFor(async () => expect(await next.only()).toMatchObject({ state: 'done' }));
  });

  test('when it had come to its end it can be looked at, and is not trained', async () => {
    const { page } = await undisturbed();
    await vi.waitFor(async () => expect(await page.only()).toMatchObject({ state: 'done' }));
    page.crash();
    const next = tab(page.disk, page.locks);
    const { id } = await next.only();
    await next.resume(2, id);
    await next.until(2, 'done');
    expect(timeless(next.eventsOf(2))).toEqual(timeless(page.eventsOf(1)));
    next.session.run();
    const { step } = await next.session.ask(2, { kind: 'tensors', names: [] });
    expect(step).toBe(23);
    expect(next.eventsOf(2)).toHaveLength(page.eventsOf(1).length);
    expect(await next.only()).toMatchObject({ state: 'done', writer: 'here' });
  });

  test('is not resumed by two tabs at once', async () => {
    const page = await trained(3);
    const other = tab(page.disk, page.locks);
    const { id, writer } = await other.only();
    expect(writer).toBe('elsewhere');
    await other.resume(1, id);
    expect(other.reports).toContainEqual({
      type: 'problem',
      run: 1,
      message: expect.stringMatching(/open in another tab/),
    });
    expect(await other.only()).toMatchObject({ state: 'paused' });
  });

  test('is told to have been trained elsewhere on another adapter, and goes on', async () => {
    const page = await trained(3);
    page.crash();
    const engine = quadraticEngine();
    const other = { ...engine, info: { ...engine.info, adapter: { ...engine.info.adapter, description: 'another' } } };
    const next = tab(page.disk, page.locks, () => other);
    await next.resume(2, (await next.only()).id);
    expect(next.eventsOf(2).at(-1)).toMatchObject({ kind: 'note', step: 3, message: expect.stringMatching(/another/) });
    next.session.run();
    await next.until(2, 'done');
    await next.untilSaved(2, 23);
    const { events, run } = await next.store.read((await next.only()).id);
    expect(run.checkpoint?.events).toBe(events.length);
    expect(timeless(events)).toEqual(timeless(next.eventsOf(2)));
  });

  test('keeps a learning rate that was changed while it was paused', async () => {
    const page = await trained(5);
    page.session.change(1, { learningRate: 0.01 });
    await vi.waitFor(() => expect(page.saved(1).slice(-2)).toEqual([5, 5]), { interval: 2 });
    page.crash();
    const next = tab(page.disk, page.locks);
    const { id } = await next.only();
    expect((await next.checkpoint(id)).settings).toEqual([{ step: 5, learningRate: 0.01 }]);
    await next.resume(1, id);
    expect(next.eventsOf(1).at(-1)).toMatchObject({ kind: 'setting', learningRate: 0.01 });
  });
});

describe('keeping', () => {
  test('nothing of a run is kept before its first update, and nothing of a fork before its own', async () => {
    const page = tab();
    await page.session.open([{ run: 1, spec: smallSpec() }]);
    page.keeper.onHidden();
    page.session.advance('decision');
    await page.until(1, 'paused');
    await page.untilSaved(1, 4);
    await page.session.fork({ run: 2, spec: smallSpec({ name: 'fork' }), from: { run: 1, step: 4 } });
    page.keeper.onHidden();
    await page.session.remove(2);
    expect((await page.only()).name).toBe('small');

    await page.session.fork({ run: 3, spec: smallSpec({ name: 'fork' }), from: { run: 1, step: 4 } });
    page.session.advance('step');
    await page.untilSaved(3, 5);
    await page.until(3, 'paused');
    const { runs } = await page.store.list();
    const fork = runs.find(({ name }) => name === 'fork');
    if (!fork) throw new Error('the fork is not kept');
    const whole = page.eventsOf(3);
    page.crash();
    const next = tab(page.disk, page.locks);
    await next.resume(1, fork.id, smallSpec({ name: 'fork' }));
    expect(next.eventsOf(1)).toEqual(whole);
    expect(next.eventsOf(1)).toContainEqual(expect.objectContaining({ kind: 'fork', step: 4 }));
  });

  test('a run closed by its user is stopped, with its last step saved; one that ended stays what it was', async () => {
    const page = await trained(6);
    page.session.run();
    void page.session.open([{ run: 2, spec: smallSpec() }]);
    await vi.waitFor(async () => expect(await page.only()).toMatchObject({ state: 'stopped', writer: null }));
    const diverging = smallSpec({ name: 'wild', train: smallTraining({ learningRate: 4, warmup: 0 }) });
    const { events } = await (async () => {
      const wild = tab(undefined, undefined, () =>
        quadraticEngine({ lossAt: (step, loss) => (step >= 9 ? NaN : loss) }),
      );
      await wild.session.open([{ run: 1, spec: diverging }]);
      wild.session.advance('decision');
      await wild.untilSaved(1, 4);
      wild.session.run();
      await wild.until(1, 'error');
      await wild.session.remove(1);
      await vi.waitFor(async () => expect(await wild.only()).toMatchObject({ state: 'error', writer: null }));
      return wild.store.read((await wild.only()).id);
    })();
    expect(events.at(-1)).toMatchObject({ kind: 'diverged' });
  });

  test('a full disk is told, training goes on, and saving comes back when there is room', async () => {
    const page = tab();
    let full = true;
    page.backend.fault = ({ kind, store }) => (full && kind === 'put' && store === 'checkpoints' ? 'full' : undefined);
    await page.session.open([{ run: 1, spec: smallSpec() }]);
    page.session.advance('decision');
    await page.until(1, 'paused');
    const problems = () => page.reports.flatMap((report) => (report.type === 'saveProblem' ? [report.message] : []));
    await vi.waitFor(() => expect(problems()).toEqual([expect.stringMatching(/storage of this browser is full/)]));
    full = false;
    page.session.run();
    await page.until(1, 'done');
    await page.untilSaved(1, 23);
    expect(problems()).toEqual([expect.anything(), null]);
    expect((await page.only()).checkpoint?.step).toBe(23);
  });

  test('without storage the page is told once, and trains', async () => {
    const page = tab();
    page.backend.fault = () => 'fail';
    await page.keeper.start();
    expect(page.reports).toMatchObject([
      { type: 'kept', list: { runs: [] }, problem: expect.stringMatching(/storage/) },
    ]);
    await page.session.open([{ run: 1, spec: smallSpec() }]);
    page.session.run();
    await page.until(1, 'done');
    expect(page.reports).toHaveLength(1);
  });

  test('a deleted run is kept no more, though it goes on; one cut off before its first checkpoint is cleared away', async () => {
    const page = await trained(3);
    const { id } = await page.only();
    await page.keeper.delete([id, 'unheard of']);
    page.session.run();
    await page.until(1, 'done');
    page.keeper.onHidden();
    await page.session.remove(1);
    expect(await page.store.list()).toEqual({ runs: [], damaged: [] });
    expect(page.disk.bytes).toBe(0);
    expect(page.reports.some(({ type }) => type === 'saveProblem')).toBe(false);

    const writer = await page.store.create({ spec: smallSpec(), steps: 23 });
    page.crash();
    const next = tab(page.disk, page.locks);
    expect((await next.only()).id).toBe(writer.id);
    await next.keeper.start();
    expect((await next.store.list()).runs).toEqual([]);
  });

  test('a run that cannot be opened is left as it was', async () => {
    const page = await trained(3);
    page.crash();
    const next = tab(page.disk, page.locks, () => {
      throw new Error('There is no adapter.');
    });
    const { id } = await next.only();
    await next.resume(1, id);
    await next.until(1, 'error');
    await vi.waitFor(async () => expect(await next.only()).toMatchObject({ state: 'paused', writer: null }));
    const again = tab(page.disk, page.locks);
    await again.resume(1, id);
    await again.until(1, 'paused');
  });
});

test('what is told between a checkpoint and its save comes after it in the log', async () => {
  const { checkpoint, events } = await undisturbed();
  const store = new RunStore(new MemoryBackend(), { schemes: SCHEMES, locks: null });
  const saved: number[] = [];
  const saving = new Saving(store, { onSaved: (_id, step) => saved.push(step), onProblem: () => undefined });
  // 40 steps of a second each: a save is due at every checkpoint, and takes its time while more is told.
  const told = events.map((event) => ('milliseconds' in event ? { ...event, milliseconds: 8_000 } : event));
  const at = [10, 11, 17, told.length];
  for (const [i, event] of told.entries()) {
    saving.told(event);
    if (at.includes(i + 1)) saving.took({ ...checkpoint, trainer: { ...checkpoint.trainer, step: i + 1 } }, i + 1);
  }
  await saving.last();
  expect(saved.at(-1)).toBe(told.length);
  expect(saved.length).toBeGreaterThan(1);
  const id = saving.id ?? '';
  const { run } = await store.read(id);
  expect(run.checkpoint).toMatchObject({ step: told.length, events: told.length });
  await saving.close();
  expect((await store.resume(id)).events).toEqual(told);
});
