import type { Page } from 'playwright';
import { type RunCheckpoint, decodeCheckpoint } from '../../src/lab/checkpoint.ts';
import type { RunRecord } from '../../src/persist/records.ts';

/** A run as it lies in the page's IndexedDB; its checkpoint has proven its own SHA-256. */
export interface Found {
  readonly record: RunRecord;
  readonly checkpoint: RunCheckpoint | null;
  /** Checkpoints beside it that the record does not name: a save was cut off before it was through. */
  readonly unnamed: number;
}

/** Everything that the page's origin keeps, read past the page. Rejects when a checkpoint named by a record is not sound. */
export async function keptIn(page: Page): Promise<readonly Found[]> {
  const found = await page.evaluate(async () => {
    const done = <T>(request: IDBRequest<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
      });
    const database = await done(indexedDB.open('espalier'));
    try {
      const stores = database.transaction(['runs', 'checkpoints']);
      const records = (await done(stores.objectStore('runs').getAll())) as RunRecord[];
      const all = records.map(async (record) => {
        const slots = ((await done(stores.objectStore('checkpoints').getAllKeys())) as string[][]).filter(
          ([id]) => id === record.id,
        );
        const unnamed = slots.filter(([, slot]) => slot !== record.checkpoint?.slot).length;
        if (!record.checkpoint) return { record, base64: null, unnamed };
        const bytes = (await done(
          stores.objectStore('checkpoints').get([record.id, record.checkpoint.slot]),
        )) as Uint8Array;
        let text = '';
        for (let at = 0; at < bytes.length; at += 8_192) text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
        return { record, base64: btoa(text), unnamed };
      });
      return await Promise.all(all);
    } finally {
      database.close();
    }
  });
  return Promise.all(
    found.map(async ({ record, base64, unnamed }) => ({
      record,
      unnamed,
      checkpoint: base64 === null ? null : await decodeCheckpoint(new Uint8Array(Buffer.from(base64, 'base64'))),
    })),
  );
}
