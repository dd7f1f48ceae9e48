import { describe, expect, test } from 'vitest';
import { SCHEMES } from '../schemes/index.ts';
import { LEASE_MILLISECONDS } from './claims.ts';
import { DamagedError, LockedError, StorageError } from './errors.ts';
import { storageUse, keepForGood } from './storage.ts';
import { RunStore, isInterrupted } from './store.ts';
import { Disk, FakeLocks, MemoryBackend, bytesOf, note, specOf, stepEvent } from './testing.ts';

/** Tabs of one browser: one disk, one clock, its locks (or none) and timers that run when the clock moves. */
class Browser {
  readonly disk = new Disk();
  readonly locks: FakeLocks | null;
  now = 1_000_000;
  #timers: { every: number; due: number; work: () => void }[] = [];
  #ids = 0;

  constructor(locks: boolean) {
    this.locks = locks ? new FakeLocks() : null;
  }

  tab(timers = true): { store: RunStore; backend: MemoryBackend } {
    const backend = new MemoryBackend(this.disk);
    const store = new RunStore(backend, {
      schemes: SCHEMES,
      locks: this.locks,
      clock: () => this.now,
      newId: () => `id-${this.#ids++}`,
      every: (every, work) => {
        const timer = { every, due: this.now + every, work };
        if (timers) this.#timers.push(timer);
        return () => (this.#timers = this.#timers.filter((one) => one !== timer));
      },
    });
    return { store, backend };
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.now + milliseconds;
    while (this.now < end) {
      this.now = Math.min(end, this.now + 1_000);
      for (const timer of this.#timers.filter(({ due }) => due <= this.now)) {
        timer.due += timer.every;
        timer.work();
      }
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

const spec = (name: string) => ({ spec: specOf(name, SCHEMES), steps: 60 });

test('kept runs are listed, the one changed last first, with what they take', async () => {
  const browser = new Browser(true);
  const { store } = browser.tab();
  const first = await store.create(spec('first'));
  browser.now += 10;
  const second = await store.create(spec('second'));
  browser.now += 10;
  expect((await store.list()).runs.map(({ name }) => name)).toEqual(['second', 'first']);
  first.append([stepEvent(1)]);
  await first.save({ bytes: bytesOf(1, 500), step: 1, state: 'paused' });
  await second.mark({ state: 'error', step: 4 });
  browser.now += 10;
  await first.mark({ state: 'done', steps: 120 });
  await Promise.all([first.close(), second.close()]);
  const { runs, damaged } = await store.list();
  expect(damaged).toEqual([]);
  expect(runs[0]).toMatchObject({
    name: 'first',
    state: 'done',
    step: 1,
    steps: 120,
    checkpoint: { step: 1, bytes: 500 },
  });
  expect(runs[1]).toMatchObject({ name: 'second', state: 'error', step: 4, checkpoint: null, bytes: 0, writer: null });
  const json = JSON.stringify([stepEvent(1)]).length;
  expect(runs[0]?.bytes).toBe(500 + json);
  const estimate = async () => ({ usage: 7_000, quota: 9_000 });
  expect(await storageUse({ runs }, { estimate })).toEqual({ runs: 500 + json, usage: 7_000, quota: 9_000 });
  expect(await storageUse({ runs }, {})).toEqual({ runs: 500 + json, usage: null, quota: null });
});

test('runs cut off with a checkpoint are found as interrupted; others are not', async () => {
  const browser = new Browser(true);
  const { store } = browser.tab();
  for (const state of ['running', 'paused', 'done', 'error'] as const) {
    const writer = await store.create(spec(state));
    await writer.save({ bytes: bytesOf(1), step: 1, state });
    if (state !== 'running') await writer.close();
    else browser.locks?.crash(writer.id);
  }
  const early = await store.create(spec('no checkpoint yet'));
  await early.close();
  const open = await store.create(spec('being written'));
  await open.save({ bytes: bytesOf(1), step: 1, state: 'running' });
  const later = browser.tab().store;
  const interrupted = (await later.list()).runs.filter(isInterrupted);
  expect(interrupted.map(({ name }) => name).sort()).toEqual(['paused', 'running']);
});

test('a run resumed goes on from its checkpoint: what was told later is cut off, what was said to the reader stays', async () => {
  const browser = new Browser(true);
  const { store } = browser.tab();
  const writer = await store.create(spec('a'));
  writer.append([stepEvent(1), stepEvent(2, NaN)]);
  await writer.flush();
  writer.append([stepEvent(3)]);
  const saving = writer.save({ bytes: bytesOf(3), step: 3, state: 'running' });
  // Told while the save is under way, so stored with it.
  writer.append([stepEvent(4), note(4, 'slower engine')]);
  await saving;
  writer.append([stepEvent(5)]);
  await writer.mark({ state: 'running', step: 5 });
  await writer.close();

  for (let again = 0; again < 2; again++) {
    const { store: later } = browser.tab();
    expect((await later.read(writer.id)).events).toHaveLength(again === 0 ? 6 : 4);
    const resumed = await later.resume(writer.id);
    expect(resumed.checkpoint).toEqual(bytesOf(3));
    expect(resumed.events).toEqual([stepEvent(1), stepEvent(2, NaN), stepEvent(3), note(3, 'slower engine')]);
    expect(resumed.run).toMatchObject({ step: 3, writer: 'here' });
    await resumed.writer.close();
  }
  const { store: last } = browser.tab();
  const { writer: goesOn } = await last.resume(writer.id);
  goesOn.append([stepEvent(4, 0.25)]);
  await goesOn.save({ bytes: bytesOf(4), step: 4, state: 'done' });
  await goesOn.close();
  const { events, run } = await last.read(writer.id);
  expect(events.slice(2)).toEqual([stepEvent(3), note(3, 'slower engine'), stepEvent(4, 0.25)]);
  const sizes = [...(browser.disk.stores.get('events')?.values() ?? [])].map(
    ({ value }) => (value as { bytes: Uint8Array }).bytes.length,
  );
  expect(run.bytes).toBe(1_000 + sizes.reduce((sum, size) => sum + size, 0));
});

test('a run from elsewhere is added as it is, to be resumed from its checkpoint; wholly or not at all', async () => {
  const browser = new Browser(true);
  const { store, backend } = browser.tab();
  const events = [stepEvent(1), stepEvent(2), stepEvent(3), note(3, 'told later')];
  const bytes = bytesOf(4);
  const added = { ...spec('added'), state: 'paused', events } as const;
  const id = await store.add({ ...added, checkpoint: { bytes, step: 2, events: 2 } });
  const { run, checkpoint, events: read } = await store.read(id);
  expect(run).toMatchObject({ name: 'added', step: 2, steps: 60, state: 'paused', writer: null });
  expect(run.checkpoint).toEqual({ step: 2, bytes: bytes.length, events: 2 });
  expect(checkpoint).toEqual(bytes);
  expect(read).toEqual(events);
  expect(isInterrupted(run)).toBe(true);
  expect((await store.resume(id)).events).toEqual([stepEvent(1), stepEvent(2), note(2, 'told later')]);

  // Without saying where the checkpoint stands it knows of all events.
  const done = await store.add({ ...added, state: 'done', checkpoint: { bytes, step: 60 } });
  expect((await store.resume(done)).events).toEqual(events);

  for (const into of ['checkpoints', 'events', 'claims'] as const) {
    const before = browser.disk.bytes;
    let once = true;
    backend.fault = ({ kind, store: where }) =>
      kind === 'put' && where === into && once ? ((once = false), 'full') : undefined;
    await expect(store.add({ ...added, checkpoint: { bytes, step: 2 } })).rejects.toThrow(/full/);
    expect((await store.list()).runs).toHaveLength(2);
    expect(browser.disk.bytes).toBe(before);
  }
});

test('a run keeps its new name; one that its user closed is not taken for interrupted', async () => {
  const { store } = new Browser(true).tab();
  const writer = await store.create(spec('first'));
  await writer.save({ bytes: bytesOf(1), step: 1, state: 'paused' });
  await writer.mark({ name: 'second' });
  await writer.mark({ state: 'stopped' });
  await writer.close();
  const [run] = (await store.list()).runs;
  expect(run).toMatchObject({ name: 'second', spec: { name: 'first' }, state: 'stopped', step: 1 });
  expect(run && isInterrupted(run)).toBe(false);
  expect((await store.resume(writer.id)).run.name).toBe('second');
});

test('a deleted run frees all it took, also when it is still being written here', async () => {
  const { store, backend } = new Browser(true).tab();
  const kept = await store.create(spec('kept'));
  await kept.save({ bytes: bytesOf(1), step: 1, state: 'running' });
  const gone = await store.create(spec('gone'));
  gone.append([stepEvent(1)]);
  await gone.save({ bytes: bytesOf(2), step: 1, state: 'running' });
  await store.delete(gone.id);
  expect((await store.list()).runs.map(({ name }) => name)).toEqual(['kept']);
  for (const entries of backend.disk.stores.values()) {
    expect([...entries.values()].filter(({ key }) => [key].flat()[0] === gone.id)).toEqual([]);
  }
  await expect(gone.save({ bytes: bytesOf(3), step: 2, state: 'running' })).rejects.toThrow(/was deleted/);
  await expect(store.read(gone.id)).rejects.toThrow(/not kept in this browser any more/);
  await expect(store.resume(gone.id)).rejects.toThrow(DamagedError);
  expect((await store.read(kept.id)).checkpoint).toEqual(bytesOf(1));
});

describe('a damaged entry', () => {
  test.each<[string, unknown]>([
    ['not an object', 7],
    ['nothing', null],
    ['of a newer format', { format: 2 }],
    ['with an unknown state', { state: 'asleep' }],
    ['with a broken spec', { spec: { version: 1, scheme: { id: 'nonesuch' } } }],
    ['with a negative step', { step: -1 }],
    ['of another run', { id: 'id-77' }],
    ['with a digest that is none', { checkpoint: { slot: 'a', step: 1, events: 0, bytes: 1, sha256: 'x' } }],
    ['with a key that nobody knows', { extra: 1 }],
  ])('%s is reported and can be deleted; the other runs are not affected', async (_, damage) => {
    const { store, backend } = new Browser(true).tab();
    const sound = await store.create(spec('sound'));
    const broken = await store.create(spec('broken'));
    await Promise.all([sound.close(), broken.close()]);
    const record = backend.disk.get('runs', broken.id) as object;
    backend.disk.set('runs', broken.id, typeof damage === 'object' && damage ? { ...record, ...damage } : damage);
    const list = await store.list();
    expect(list.runs.map(({ name }) => name)).toEqual(['sound']);
    expect(list.damaged).toEqual([{ id: broken.id, message: expect.stringMatching(/cannot be read: .*Delete it/) }]);
    await expect(store.resume(broken.id)).rejects.toThrow(DamagedError);
    await store.delete(broken.id);
    expect(await store.list()).toMatchObject({ runs: [{ name: 'sound' }], damaged: [] });
  });

  test('of the history costs that part only: the run can still be resumed, and says so', async () => {
    const browser = new Browser(true);
    const { store } = browser.tab();
    const writer = await store.create(spec('a'));
    for (const step of [1, 2, 3]) {
      writer.append([stepEvent(2 * step - 1), stepEvent(2 * step)]);
      await writer.flush();
    }
    await writer.save({ bytes: bytesOf(1), step: 6, state: 'running' });
    writer.append([stepEvent(7)]);
    await writer.close();
    const chunk = browser.disk.get('events', [writer.id, 2]) as { bytes: Uint8Array };
    chunk.bytes[10] = 0;
    const { events, problem, checkpoint, writer: next } = await store.resume(writer.id);
    expect(events.map(({ step }) => step)).toEqual([1, 2, 5, 6]);
    expect(problem).toMatch(/Part of the history of "a" is damaged.*can be resumed/);
    expect(checkpoint).toEqual(bytesOf(1));
    next.append([stepEvent(7)]);
    await next.close();
    expect((await store.read(writer.id)).events.map(({ step }) => step)).toEqual([1, 2, 5, 6, 7]);
  });
});

describe.each([
  ['with the locks of the browser', true],
  ['without them', false],
])('two tabs, %s', (_, locks) => {
  test('never write one run: it is listed as open elsewhere, and neither resumed nor deleted there', async () => {
    const browser = new Browser(locks);
    const [one, two] = [browser.tab(), browser.tab()];
    const writer = await one.store.create(spec('a'));
    await writer.save({ bytes: bytesOf(1), step: 1, state: 'running' });
    await browser.pass(10 * LEASE_MILLISECONDS);
    expect((await one.store.list()).runs[0]).toMatchObject({ writer: 'here' });
    const [seen] = (await two.store.list()).runs;
    expect(seen).toMatchObject({ writer: 'elsewhere' });
    expect(seen && isInterrupted(seen)).toBe(false);
    await expect(two.store.resume(writer.id)).rejects.toThrow(LockedError);
    await expect(two.store.delete(writer.id)).rejects.toThrow(/open in another tab/);
    await writer.save({ bytes: bytesOf(2), step: 2, state: 'running' });

    await writer.close();
    expect((await two.store.list()).runs[0]).toMatchObject({ writer: null });
    const resumed = await two.store.resume(writer.id);
    expect(resumed.checkpoint).toEqual(bytesOf(2));
    await expect(one.store.resume(writer.id)).rejects.toThrow(LockedError);
  });

  test('a run of a tab that crashed can be taken over, and the tab cannot write it when it wakes after all', async () => {
    const browser = new Browser(locks);
    const [one, two] = [browser.tab(false), browser.tab()];
    const asleep = await one.store.create(spec('a'));
    await asleep.save({ bytes: bytesOf(1), step: 1, state: 'running' });
    browser.locks?.crash(asleep.id);
    if (!locks) await expect(two.store.resume(asleep.id)).rejects.toThrow(LockedError);
    await browser.pass(LEASE_MILLISECONDS);
    const { writer } = await two.store.resume(asleep.id);
    asleep.append([stepEvent(2)]);
    await expect(asleep.save({ bytes: bytesOf(9), step: 9, state: 'done' })).rejects.toThrow(LockedError);
    await expect(asleep.mark({ state: 'done' })).rejects.toThrow(LockedError);
    await expect(asleep.flush()).rejects.toThrow(LockedError);
    await asleep.close();
    await writer.save({ bytes: bytesOf(2), step: 2, state: 'running' });
    const { checkpoint, events, run } = await two.store.read(asleep.id);
    expect(checkpoint).toEqual(bytesOf(2));
    expect(events).toEqual([]);
    expect(run.state).toBe('running');
  });

  test('asking at the same time, one of them gets it', async () => {
    const browser = new Browser(locks);
    const { store } = browser.tab();
    const writer = await store.create(spec('a'));
    await writer.save({ bytes: bytesOf(1), step: 1, state: 'paused' });
    await writer.close();
    const asked = await Promise.allSettled([1, 2, 3].map(() => browser.tab().store.resume(writer.id)));
    expect(asked.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
  });

  test('what fails while a run is taken lets go of it', async () => {
    const browser = new Browser(locks);
    const { store, backend } = browser.tab();
    const writer = await store.create(spec('a'));
    await writer.save({ bytes: bytesOf(1), step: 1, state: 'paused' });
    await writer.close();
    let operations = 0;
    for (let failing = true; failing;) {
      const point = backend.operations.length + operations++;
      backend.fault = ({ index }) => (index === point ? 'fail' : undefined);
      const outcome = await store.resume(writer.id).catch((error: unknown) => error);
      failing = outcome instanceof Error;
      if (failing) expect(outcome).toBeInstanceOf(StorageError);
      else await (outcome as Awaited<ReturnType<RunStore['resume']>>).writer.close();
    }
    expect(operations).toBeGreaterThan(8);
  });
});

test('a claim made before the clock was set back does not keep a run locked for as long', async () => {
  const browser = new Browser(false);
  const writer = await browser.tab(false).store.create(spec('a'));
  await writer.save({ bytes: bytesOf(1), step: 1, state: 'running' });
  // Until the old checkpoint is deleted as well, which renews the claim.
  await writer.flush();
  browser.now -= 10 * LEASE_MILLISECONDS;
  const { store } = browser.tab();
  expect((await store.list()).runs.filter(isInterrupted)).toHaveLength(1);
  expect((await store.resume(writer.id)).checkpoint).toEqual(bytesOf(1));
});

test('the browser is asked to keep the runs for good only when it does not do so already', async () => {
  const yes = async () => true;
  const no = async () => false;
  expect(await keepForGood({ persisted: yes, persist: () => Promise.reject(new Error('asked')) })).toBe(true);
  expect(await keepForGood({ persisted: no, persist: yes })).toBe(true);
  expect(await keepForGood({ persisted: no, persist: no })).toBe(false);
  expect(await keepForGood({})).toBe(false);
});
