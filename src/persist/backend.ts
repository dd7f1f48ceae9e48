/**
 * What is kept, and under which key:
 * - `runs`: a run's record, by the run's id;
 * - `checkpoints`: bytes, by [id, slot];
 * - `events`: chunks of the log, by [id, position of the first event];
 * - `claims`: who writes the run, by its id.
 */
export const STORES = ['runs', 'checkpoints', 'events', 'claims'] as const;

export type StoreName = (typeof STORES)[number];

/** A run's id, or that and what tells its several entries apart. */
export type Key = string | readonly [id: string, part: string | number];

/** An entry as it was found: whoever reads it checks it. */
export interface Entry {
  readonly key: Key;
  readonly value: unknown;
}

export interface ReadTransaction {
  /** Undefined where there is nothing. */
  get(store: StoreName, key: Key): Promise<unknown>;
  /** Entries of one run, or of all, in the order of their keys. */
  entries(store: StoreName, id?: string): Promise<readonly Entry[]>;
}

export interface WriteTransaction extends ReadTransaction {
  put(store: StoreName, key: Key, value: unknown): Promise<void>;
  delete(store: StoreName, key: Key): Promise<void>;
}

/**
 * Storage with transactions. `work` may await nothing but the transaction's own operations. A write transaction happens
 * wholly or not at all, no other one in between, and it has happened (on the disk) when the promise resolves. A promise
 * that rejects, with a sentence, may still have written when the failure came late: whoever writes reads before
 * doing it again.
 */
export interface Backend {
  read<T>(work: (transaction: ReadTransaction) => Promise<T>): Promise<T>;
  write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T>;
  close(): void;
}
