import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { SCHEMES } from '../schemes/index.ts';
import { DamagedError, FullError, StorageError } from './errors.ts';
import type { EventChunk } from './records.ts';
import { RunStore } from './store.ts';
import { Disk, FakeLocks, type Fault, MemoryBackend, bytesOf, specOf, stepEvent } from './testing.ts';
import type { RunWriter } from './writer.ts';

const SPEC = specOf('a run', SCHEMES);

/** What a run does between two saves: tells so many events, of which some are stored before the save. */
interface Part {
  readonly events: number;
  readonly flush: boolean;
  readonly bytes: number;
}

const parts = fc.array(
  fc.record({ events: fc.nat({ max: 3 }), flush: fc.boolean(), bytes: fc.integer({ min: 1, max: 300 }) }),
  { minLength: 2, maxLength: 4 },
);

interface Told {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly step: number;
  readonly log: readonly RunEvent[];
}

/** What a tab that comes later finds of the run. */
async function found(disk: Disk, id: string): Promise<{ bytes: Uint8Array | null; log: readonly RunEvent[] }> {
  const store = new RunStore(new MemoryBackend(disk), { schemes: SCHEMES, locks: new FakeLocks() });
  const { run, checkpoint, events, problem } = await store.read(id);
  expect(problem).toBeNull();
  const chunks = [...(disk.stores.get('events')?.values() ?? [])].map(({ value }) => value as EventChunk);
  const sizes = [checkpoint ?? new Uint8Array(), ...chunks.map((chunk) => chunk.bytes)].map(({ length }) => length);
  expect(run.bytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  return { bytes: checkpoint, log: events };
}

/** Saves one part after the other, checking after each what is on the disk. */
async function saveAll(
  writer: RunWriter,
  backend: MemoryBackend,
  sequence: readonly Part[],
): Promise<{ acknowledged: (Told | null)[]; failures: unknown[]; attempted: Told[] }> {
  const attempted: Told[] = [];
  const acknowledged: (Told | null)[] = [];
  const failures: unknown[] = [];
  const log: RunEvent[] = [];
  for (const [index, part] of sequence.entries()) {
    const events = Array.from({ length: part.events }, (_, i) => stepEvent(log.length + i + 1));
    log.push(...events);
    writer.append(events);
    if (part.flush) await writer.flush().catch((error: unknown) => failures.push(error));
    const told: Told = { bytes: bytesOf(index + 1, part.bytes), step: index + 1, log: [...log] };
    attempted.push(told);
    const saved = await writer.save({ bytes: told.bytes, step: told.step, state: 'running' }).then(
      () => true,
      (error: unknown) => {
        failures.push(error);
        return false;
      },
    );
    acknowledged.push(saved ? told : null);

    const last = acknowledged.findLastIndex((one) => one !== null);
    const { bytes, log: stored } = await found(backend.disk, writer.id);
    if (bytes === null) expect(last).toBe(-1);
    else {
      const which = attempted.findIndex((one) => Buffer.compare(one.bytes, bytes) === 0);
      expect(which).toBeGreaterThanOrEqual(last);
      // Its whole history is there; there may be more.
      expect(stored.slice(0, attempted[which]?.log.length)).toEqual(attempted[which]?.log);
    }
    expect(stored).toEqual(log.slice(0, stored.length));
  }
  return { acknowledged, failures, attempted };
}

/** A run on a disk of its own, and the operations that saving a sequence takes. */
async function opened(): Promise<{ backend: MemoryBackend; store: RunStore; writer: RunWriter }> {
  const backend = new MemoryBackend();
  const store = new RunStore(backend, { schemes: SCHEMES, locks: new FakeLocks(), newId: ids() });
  const writer = await store.create({ spec: SPEC, steps: 60 });
  backend.operations = [];
  return { backend, store, writer };
}

const ids = (): (() => string) => {
  let made = 0;
  return () => `id-${made++}`;
};

async function operationsOf(sequence: readonly Part[]): Promise<MemoryBackend['operations']> {
  const { backend, writer } = await opened();
  const { failures, acknowledged } = await saveAll(writer, backend, sequence);
  await writer.close();
  expect(failures).toEqual([]);
  expect(acknowledged).not.toContain(null);
  return backend.operations;
}

/** Resumes a run after a crash, in a new tab, and saves again. */
async function goesOn(disk: Disk, id: string, attempted: readonly Told[]): Promise<void> {
  const store = new RunStore(new MemoryBackend(disk), { schemes: SCHEMES, locks: new FakeLocks() });
  const { writer, checkpoint, events, run } = await store.resume(id);
  const from = attempted.find(({ bytes }) => checkpoint && Buffer.compare(bytes, checkpoint) === 0);
  expect(events).toEqual(from?.log ?? []);
  expect(run.step).toBe(from?.step ?? 0);
  writer.append([stepEvent(99)]);
  await writer.save({ bytes: bytesOf(99), step: 99, state: 'done' });
  await writer.close();
  expect(await found(disk, id)).toEqual({ bytes: bytesOf(99), log: [...events, stepEvent(99)] });
  expect(disk.stores.get('checkpoints')?.size).toBe(1);
}

const RUNS = { numRuns: 4 };

describe.each<[string, Fault, boolean]>([
  ['fails', 'fail', false],
  ['finds no room', 'full', false],
  ['seems to fail though it was done', 'late', false],
  ['kills the tab before it is done', 'fail', true],
  ['kills the tab after it was done', 'late', true],
])('whichever operation %s', (_, fault, crash) => {
  test('the last acknowledged checkpoint stays readable with its whole history, and later saves go well', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (sequence) => {
        const operations = await operationsOf(sequence);
        for (let point = 0; point < operations.length; point++) {
          if (fault === 'late' && operations[point]?.kind !== 'commit') continue;
          const { backend, writer } = await opened();
          backend.fault = ({ index }) => {
            if (index !== point) return undefined;
            if (crash) queueMicrotask(() => (backend.dead = true));
            return fault;
          };
          const { acknowledged, failures, attempted } = await saveAll(writer, backend, sequence);
          await writer.close();
          if (fault === 'full') expect(failures.every((error) => error instanceof FullError)).toBe(true);
          else expect(failures.every((error) => error instanceof StorageError)).toBe(true);
          if (crash) {
            await goesOn(backend.disk, writer.id, attempted);
            continue;
          }
          expect(failures.length).toBeLessThanOrEqual(1);
          // Nothing is left over on the disk but the last checkpoint, and the log has every event once.
          const last = attempted.at(-1);
          const { bytes, log } = await found(backend.disk, writer.id);
          if (acknowledged.at(-1)) expect(bytes).toEqual(last?.bytes);
          if (acknowledged.at(-1)) expect(log).toEqual(last?.log);
        }
      }),
      RUNS,
    );
  });
});

test('bytes that reach the disk torn are found before they take the place of sound ones', async () => {
  const { backend, writer } = await opened();
  const first = bytesOf(1);
  await writer.save({ bytes: first, step: 1, state: 'running' });
  backend.fault = ({ kind, store }) => (kind === 'put' && store === 'checkpoints' ? 'tear' : undefined);
  const torn = writer.save({ bytes: bytesOf(2), step: 2, state: 'running' });
  await expect(torn).rejects.toThrow(DamagedError);
  expect((await found(backend.disk, writer.id)).bytes).toEqual(first);
  backend.fault = () => undefined;
  await writer.save({ bytes: bytesOf(3), step: 3, state: 'running' });
  await writer.close();
  expect((await found(backend.disk, writer.id)).bytes).toEqual(bytesOf(3));
  expect(backend.disk.stores.get('checkpoints')?.size).toBe(1);
});

test('every byte changed on the disk after it was acknowledged is found when the checkpoint is read', async () => {
  const { backend, store, writer } = await opened();
  await writer.save({ bytes: bytesOf(1, 64), step: 1, state: 'running' });
  const [entry] = backend.disk.stores.get('checkpoints')?.values() ?? [];
  if (!entry) throw new Error('nothing was stored');
  for (let at = 0; at < 64; at++) {
    const bytes = bytesOf(1, 64);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    backend.disk.set('checkpoints', entry.key, bytes);
    await expect(store.read(writer.id)).rejects.toThrow(/checkpoint of "a run" is damaged/);
  }
  backend.disk.set('checkpoints', entry.key, bytesOf(1, 63));
  await expect(store.read(writer.id)).rejects.toThrow(DamagedError);
});

test('a full disk says what to do, keeps what it had, and the events told meanwhile are stored once there is room', async () => {
  const { backend, writer } = await opened();
  await writer.save({ bytes: bytesOf(1), step: 1, state: 'running' });
  backend.fault = ({ kind }) => (kind === 'put' ? 'full' : undefined);
  for (let step = 2; step < 6; step++) {
    writer.append([stepEvent(step)]);
    const save = writer.save({ bytes: bytesOf(step), step, state: 'running' });
    await expect(save).rejects.toThrow(/full.*Delete a kept run or free disk space/s);
  }
  expect(writer.unsaved).toBe(4);
  expect((await found(backend.disk, writer.id)).bytes).toEqual(bytesOf(1));
  backend.fault = () => undefined;
  await writer.save({ bytes: bytesOf(6), step: 6, state: 'paused' });
  expect(writer.unsaved).toBe(0);
  expect((await found(backend.disk, writer.id)).log).toEqual([2, 3, 4, 5].map((step) => stepEvent(step)));
});

test('saves called while one is under way follow it in order, and at most two checkpoints lie on the disk', async () => {
  const { backend, writer } = await opened();
  let most = 0;
  backend.fault = ({ kind }) => {
    if (kind === 'commit') most = Math.max(most, backend.disk.bytes);
    return undefined;
  };
  await Promise.all([1, 2, 3, 4, 5].map((step) => writer.save({ bytes: bytesOf(step), step, state: 'running' })));
  await writer.close();
  expect((await found(backend.disk, writer.id)).bytes).toEqual(bytesOf(5));
  expect(most).toBeLessThanOrEqual(2 * 1_000);
  expect(backend.disk.bytes).toBe(1_000);
});
