import type { RunEvent, StepEvent } from '../core/events/events.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import { type Backend, type Entry, type Key, STORES, type StoreName, type WriteTransaction } from './backend.ts';
import { storageError } from './errors.ts';
import type { Locks } from './locks.ts';

/** For tests: what an in-memory disk holds. Several backends on one disk are tabs, or the same tab after a reload. */
export class Disk {
  readonly stores = new Map<StoreName, Map<string, Entry>>(STORES.map((name) => [name, new Map()]));

  /** Bytes of all values that are bytes. */
  get bytes(): number {
    const entries = [...this.stores.values()].flatMap((store) => [...store.values()]);
    return entries.reduce((sum, { value }) => sum + (value instanceof Uint8Array ? value.length : 0), 0);
  }

  /** Puts something there behind everyone's back. */
  set(store: StoreName, key: Key, value: unknown): void {
    this.stores.get(store)?.set(JSON.stringify(key), { key, value });
  }

  get(store: StoreName, key: Key): unknown {
    return this.stores.get(store)?.get(JSON.stringify(key))?.value;
  }
}

/** One operation on a disk; a transaction ends with its commit. */
export interface Operation {
  /** Counted from 0 over the backend's life. */
  readonly index: number;
  readonly kind: 'get' | 'entries' | 'put' | 'delete' | 'commit';
  readonly store?: StoreName;
}

/** How one fails: it does nothing; it is done but seems to have failed; bytes are changed on their way; no room is left. */
export type Fault = 'fail' | 'late' | 'tear' | 'full' | undefined;

/** For tests: storage in memory, with transactions that happen wholly or not at all, and faults on demand. */
export class MemoryBackend implements Backend {
  operations: Operation[] = [];
  /** What goes wrong with an operation. */
  fault: (operation: Operation) => Fault = () => undefined;
  /** From this operation on none happens any more, as after a crash: the tab does not come back. */
  dead = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(readonly disk: Disk = new Disk()) {}

  read<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    return this.write(work);
  }

  write<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    const result = this.#turn.then(() => this.#transaction(work));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.dead = true;
  }

  async #transaction<T>(work: (transaction: WriteTransaction) => Promise<T>): Promise<T> {
    const stores = new Map([...this.disk.stores].map(([name, entries]) => [name, new Map(entries)]));
    const of = (name: StoreName): Map<string, Entry> => stores.get(name) ?? new Map<string, Entry>();
    try {
      const result = await work({
        get: async (store, key) => {
          this.#operate({ kind: 'get', store });
          return structuredClone(of(store).get(JSON.stringify(key))?.value);
        },
        entries: async (store, id) => {
          this.#operate({ kind: 'entries', store });
          const found = [...of(store).values()].filter(({ key }) => id === undefined || idOf(key) === id);
          return structuredClone(found.sort((a, b) => compare(a.key, b.key)));
        },
        put: async (store, key, value) => {
          const fault = this.#operate({ kind: 'put', store });
          const stored: unknown = structuredClone(value);
          of(store).set(JSON.stringify(key), { key, value: fault === 'tear' ? torn(stored) : stored });
        },
        delete: async (store, key) => {
          this.#operate({ kind: 'delete', store });
          of(store).delete(JSON.stringify(key));
        },
      });
      const fault = this.#operate({ kind: 'commit' });
      for (const [name, entries] of stores) this.disk.stores.set(name, entries);
      if (fault === 'late') throw new Error('made to fail after it was done');
      return result;
    } catch (error) {
      throw storageError(error);
    }
  }

  #operate(kind: Omit<Operation, 'index'>): Fault {
    if (this.dead) throw new Error('the tab is gone');
    const operation = { ...kind, index: this.operations.length };
    this.operations.push(operation);
    const fault = this.fault(operation);
    if (fault === 'full') throw new DOMException('made to be full', 'QuotaExceededError');
    if (fault === 'fail') throw new Error('made to fail');
    return fault;
  }
}

const idOf = (key: Key): string => (typeof key === 'string' ? key : key[0]);

function compare(a: Key, b: Key): number {
  const [partA, partB] = [a[1] ?? '', b[1] ?? ''];
  if (idOf(a) !== idOf(b)) return idOf(a) < idOf(b) ? -1 : 1;
  if (typeof partA === 'number' && typeof partB === 'number') return partA - partB;
  return String(partA) < String(partB) ? -1 : 1;
}

/** The first half of the bytes, the rest zeros. */
const torn = (value: unknown): unknown =>
  value instanceof Uint8Array ? value.map((byte, index) => (index < value.length / 2 ? byte : 0)) : value;

/** For tests: locks that a crashed tab loses. */
export class FakeLocks implements Locks {
  readonly #held = new Set<string>();

  async acquire(id: string): Promise<{ release(): void } | null> {
    if (this.#held.has(id)) return null;
    this.#held.add(id);
    return { release: () => this.#held.delete(id) };
  }

  async held(): Promise<ReadonlySet<string>> {
    return new Set(this.#held);
  }

  /** The tab that holds a run's lock goes away. */
  crash(id: string): void {
    this.#held.delete(id);
  }
}

/** For tests: a spec with this name. */
export function specOf(name: string, schemes: readonly Scheme[]): Spec {
  const input = { version: 1, name, model: { id: 'convnet-micro' }, train: { steps: 60 }, scheme: { id: 'dense' } };
  const parsed = parseSpec(input, schemes);
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  return parsed.spec;
}

export const stepEvent = (step: number, trainLoss = 1 / (step + 1)): StepEvent => ({
  kind: 'step',
  step,
  epoch: 1,
  trainLoss,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds: 12.5,
});

export const note = (step: number, message: string): RunEvent => ({ kind: 'note', step, message });

/** Bytes that differ for every seed and place. */
export const bytesOf = (seed: number, length = 1_000): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, index) => (index * 31 + seed * 101 + (index >> 8) * seed) & 255);
