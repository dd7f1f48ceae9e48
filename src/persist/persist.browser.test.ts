import { cdp } from 'vitest/browser';
import { afterEach, expect, test } from 'vitest';
import { SCHEMES } from '../schemes/index.ts';
import { sha256Of } from './digest.ts';
import { FullError, LockedError, StorageError } from './errors.ts';
import { IndexedDb, MIGRATIONS, type Migration } from './indexed-db.ts';
import { webLocks } from './locks.ts';
import { storageUse } from './storage.ts';
import { RunStore, isInterrupted } from './store.ts';
import { bytesOf, specOf, stepEvent } from './testing.ts';

const NAME = 'espalier-test';
const spec = { spec: specOf('kept', SCHEMES), steps: 60 };
const stores: RunStore[] = [];

/** A store as a freshly loaded page opens it. */
function page(migrations: readonly Migration[] = MIGRATIONS): RunStore {
  const store = new RunStore(new IndexedDb(NAME, migrations), { schemes: SCHEMES, locks: webLocks() });
  stores.push(store);
  return store;
}

/** Bytes that the database cannot compress. */
function noise(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  // At most 65,536 at a time.
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
}

afterEach(async () => {
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await new Promise<void>((resolve, reject) => {
    const request = indexedDB.deleteDatabase(NAME);
    request.addEventListener('success', () => resolve());
    request.addEventListener('error', () => reject(new Error('not deleted')));
  });
});

test('when the quota is used up, saving says so, the last checkpoint stays, and saving goes on once there is room', async () => {
  const session = cdp();
  const { origin } = location;
  // The first test of the file: what deleted databases took is freed late. Chromium looks at the quota when a database is opened, and goes by that for a while.
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 1_500_000 });
  const [first, second] = [noise(100_000), noise(4_000_000)];
  const store = page();
  const writer = await store.create(spec);
  try {
    await writer.save({ bytes: first, step: 1, state: 'running' });
    const full = writer.save({ bytes: second, step: 2, state: 'running' });
    await expect(full).rejects.toThrow(FullError);
    expect((await store.read(writer.id)).checkpoint).toEqual(first);
    await store.close();
  } finally {
    await session.send('Storage.overrideQuotaForOrigin', { origin });
  }
  const { writer: next } = await store.resume(writer.id);
  await next.save({ bytes: second, step: 2, state: 'running' });
  expect(await store.read(writer.id).then(({ checkpoint }) => sha256Of(checkpoint ?? first))).toBe(
    await sha256Of(second),
  );
});

test('a run saved is found by the next page, resumed from equal bytes, and deleted without a trace', async () => {
  const store = page();
  const writer = await store.create(spec);
  // A view of a larger buffer is stored as what it shows.
  const large = noise(3_000_000);
  const bytes = large.subarray(500_000, 2_500_000);
  writer.append([stepEvent(1), stepEvent(2, NaN)]);
  await writer.save({ bytes: bytesOf(1), step: 1, state: 'running' });
  writer.append([stepEvent(3)]);
  await writer.save({ bytes, step: 3, state: 'running' });
  writer.append([stepEvent(4)]);
  await writer.flush();

  const other = page();
  expect((await other.list()).runs).toMatchObject([{ name: 'kept', writer: 'elsewhere' }]);
  await expect(other.resume(writer.id)).rejects.toThrow(LockedError);
  await store.close();

  const { runs, damaged } = await other.list();
  expect(damaged).toEqual([]);
  expect(runs.map(isInterrupted)).toEqual([true]);
  expect(runs[0]).toMatchObject({ step: 3, checkpoint: { step: 3, bytes: bytes.length }, writer: null });
  const use = await storageUse({ runs });
  expect(use.runs).toBeGreaterThan(bytes.length);
  expect(use.usage).toBeGreaterThan(bytes.length);
  expect(use.quota).toBeGreaterThan(use.usage ?? Infinity);

  const resumed = await other.resume(writer.id);
  expect(resumed.events).toEqual([stepEvent(1), stepEvent(2, NaN), stepEvent(3)]);
  expect(await sha256Of(resumed.checkpoint ?? bytesOf(0))).toBe(await sha256Of(bytes.slice()));
  expect(resumed.checkpoint?.buffer.byteLength).toBe(bytes.length);
  // Exactly one checkpoint lies there.
  const stored = await other.backend.read((transaction) => transaction.entries('checkpoints'));
  expect(stored).toHaveLength(1);

  await other.delete(writer.id);
  expect(await other.list()).toEqual({ runs: [], damaged: [] });
  const left = await other.backend.read(async (transaction) => [
    ...(await transaction.entries('checkpoints')),
    ...(await transaction.entries('events')),
    ...(await transaction.entries('claims')),
  ]);
  expect(left).toEqual([]);
});

test('a transaction that fails leaves nothing of it, and says why', async () => {
  const database = new IndexedDb(NAME);
  await database.write((transaction) => transaction.put('runs', 'a', 1));
  const failed = database.write(async (transaction) => {
    await transaction.put('runs', 'a', 2);
    await transaction.delete('runs', 'a');
    throw new Error('a reason');
  });
  await expect(failed).rejects.toThrow(/a reason/);
  await expect(database.write((transaction) => transaction.put('runs', 'b', () => 1))).rejects.toThrow(StorageError);
  expect(await database.read((transaction) => transaction.entries('runs'))).toEqual([{ key: 'a', value: 1 }]);
  await database.write(async (transaction) => {
    for (const at of [10, 9, 100]) await transaction.put('events', ['a', at], at);
    await transaction.put('events', ['a-b', 1], 'of another run');
  });
  const entries = await database.read((transaction) => transaction.entries('events', 'a'));
  expect(entries.map(({ value }) => value)).toEqual([9, 10, 100]);
  database.close();
  // Closed by whoever: the next use opens it again.
  expect(await database.read((transaction) => transaction.get('runs', 'a'))).toBe(1);
  database.close();
});

test('a newer schema takes the runs along while an older page is open, which is then told to reload', async () => {
  const older = page();
  const writer = await older.create(spec);
  await writer.save({ bytes: bytesOf(3), step: 1, state: 'paused' });
  await writer.close();
  const rename: Migration = async (_database, transaction) => {
    for await (const cursor of transaction.objectStore('runs')) {
      await cursor.update({ ...(cursor.value as object), name: 'renamed' });
    }
  };
  const newer = page([...MIGRATIONS, rename]);
  expect((await newer.list()).runs[0]?.name).toBe('renamed');
  expect((await newer.read(writer.id)).checkpoint).toEqual(bytesOf(3));
  await expect(older.list()).rejects.toThrow(/newer version of this page. Reload/);
});
