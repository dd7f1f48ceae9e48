import { type IDBPDatabase, type IDBPTransaction, openDB } from 'idb';
import { type Backend, type Entry, type Key, STORES, type StoreName, type WriteTransaction } from './backend.ts';
import { StorageError, storageError } from './errors.ts';

type Open = IDBPTransaction<unknown, string[], 'readwrite'>;
type Upgrade = IDBPTransaction<unknown, string[], 'versionchange'>;

/**
 * Brings a database of version i to version i + 1, where i is its place in the list. May await nothing but operations
 * of the transaction.
 */
export type Migration = (database: IDBPDatabase, transaction: Upgrade) => Promise<void> | void;

/** All there have been; the database's version is their number. To change the schema, add one at the end. */
export const MIGRATIONS: readonly Migration[] = [
  (database) => {
    for (const name of STORES) database.createObjectStore(name);
  },
];

/** Keeps runs in IndexedDB. Opens the database at the first use, and again when the browser closed it. */
export class IndexedDb implements Backend {
  #opening: Promise<IDBPDatabase> | null = null;

  constructor(
    readonly name = 'espalier',
    readonly migrations: readonly Migration[] = MIGRATIONS,
  ) {}

  read<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    return this.#transaction('readonly', work);
  }

  write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    return this.#transaction('readwrite', work);
  }

  close(): void {
    const opening = this.#opening;
    this.#opening = null;
    void opening?.then(
      (database) => database.close(),
      () => undefined,
    );
  }

  async #transaction<T>(
    mode: 'readonly' | 'readwrite',
    work: (transaction: WriteTransaction) => Promise<T>,
  ): Promise<T> {
    const transaction = await this.#begin(mode);
    const failure = transaction.done.then(
      () => null,
      (error: unknown) => ({ error }),
    );
    let result: T;
    try {
      result = await work(operations(transaction));
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // It has ended by itself.
      }
      // A put that fails says that its transaction was aborted; why is known to the transaction.
      throw storageError((await failure)?.error, error);
    }
    const failed = await failure;
    if (failed) throw storageError(failed.error);
    return result;
  }

  async #begin(mode: 'readonly' | 'readwrite'): Promise<Open> {
    // `strict`: what is acknowledged survives the power going out, not only the tab.
    const begin = (database: IDBPDatabase) => database.transaction([...STORES], mode, { durability: 'strict' }) as Open;
    const database = await this.#open();
    try {
      return begin(database);
    } catch {
      // The browser closed the connection (its data were cleared, or another tab upgraded the schema).
      this.#opening = null;
      try {
        return begin(await this.#open());
      } catch (error) {
        throw storageError(error);
      }
    }
  }

  #open(): Promise<IDBPDatabase> {
    this.#opening ??= this.#connect().catch((error: unknown) => {
      this.#opening = null;
      throw error;
    });
    return this.#opening;
  }

  async #connect(): Promise<IDBPDatabase> {
    if (typeof indexedDB === 'undefined') throw unavailable('it has no IndexedDB');
    const { migrations } = this;
    try {
      const database = await openDB(this.name, migrations.length, {
        upgrade: (upgraded, from, _to, transaction) => {
          // A migration that fails aborts the transaction, which the opening then tells.
          void migrate(migrations.slice(from), upgraded, transaction as Upgrade);
        },
        // A newer version of the page, in another tab, waits for this connection to close.
        blocking: () => this.close(),
        terminated: () => (this.#opening = null),
      });
      return database;
    } catch (error) {
      if (error instanceof Error && error.name === 'VersionError') {
        throw new StorageError(
          'The runs in this browser were kept by a newer version of this page. Reload the page to get that version.',
          { cause: error },
        );
      }
      const known = storageError(error);
      throw known instanceof StorageError ? unavailable(error instanceof Error ? error.message : String(error)) : known;
    }
  }
}

async function migrate(migrations: readonly Migration[], database: IDBPDatabase, transaction: Upgrade): Promise<void> {
  try {
    for (const migration of migrations) await migration(database, transaction);
  } catch {
    try {
      transaction.abort();
    } catch {
      // It has ended by itself.
    }
  }
}

const unavailable = (why: string): StorageError =>
  new StorageError(
    `This browser does not let the page keep runs (${why}). Allow it to store data for this site, or leave private browsing.`,
  );

/** In a transaction that reads, writing fails with the browser's ReadOnlyError. */
function operations(transaction: Open): WriteTransaction {
  const store = (name: StoreName) => transaction.objectStore(name);
  return {
    get: (name, key) => store(name).get(queryOf(key)) as Promise<unknown>,
    entries: async (name, id) => {
      const range = id === undefined ? null : rangeOf(name, id);
      const [keys, values] = await Promise.all([store(name).getAllKeys(range), store(name).getAll(range)]);
      return keys.map((key, index): Entry => ({ key: key as Key, value: values[index] as unknown }));
    },
    put: async (name, key, value) => {
      await store(name).put(value, queryOf(key));
    },
    delete: async (name, key) => {
      await store(name).delete(queryOf(key));
    },
  };
}

const queryOf = (key: Key): string | (string | number)[] => (typeof key === 'string' ? key : [...key]);

/** Keys of one run. An array sorts after every string and number. */
const rangeOf = (store: StoreName, id: string): IDBKeyRange =>
  store === 'runs' || store === 'claims' ? IDBKeyRange.only(id) : IDBKeyRange.bound([id], [id, []]);
