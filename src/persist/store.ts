import type { RunEvent } from '../core/events/events.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import { type Backend, STORES, type WriteTransaction } from './backend.ts';
import { LEASE_MILLISECONDS, claim, giveBack, holds, keepClaim, readClaim } from './claims.ts';
import { DamagedError, LockedError } from './errors.ts';
import { type StoredLog, cutLog, readLog } from './log.ts';
import { checkedBytes } from './digest.ts';
import type { Lock, Locks } from './locks.ts';
import { type KeptState, type RunRecord, readRecord } from './records.ts';
import { RunWriter } from './writer.ts';

/** A run in the list. Times in milliseconds since 1970. */
export interface KeptRun {
  readonly id: string;
  readonly name: string;
  readonly spec: Spec;
  readonly created: number;
  readonly updated: number;
  /** Updates told so far, and those the run will make. */
  readonly step: number;
  readonly steps: number;
  readonly state: KeptState;
  /** What it can be resumed from; null before the first checkpoint. */
  readonly checkpoint: KeptCheckpoint | null;
  /** Bytes of its checkpoint and events. */
  readonly bytes: number;
  /** Who writes it now: this store, another tab, nobody. */
  readonly writer: 'here' | 'elsewhere' | null;
}

export interface KeptCheckpoint {
  /** Updates it was taken after. */
  readonly step: number;
  readonly bytes: number;
  /** Events told before it was taken. */
  readonly events: number;
}

/** A run whose record cannot be read: it can only be deleted. */
export interface DamagedRun {
  readonly id: string;
  /** A sentence. */
  readonly message: string;
}

export interface RunList {
  /** The one changed last comes first. */
  readonly runs: readonly KeptRun[];
  readonly damaged: readonly DamagedRun[];
}

/** A run with all that is kept of it. */
export interface RunContents {
  readonly run: KeptRun;
  /** The acknowledged checkpoint, as it was given; null before the first. */
  readonly checkpoint: Uint8Array<ArrayBuffer> | null;
  readonly events: readonly RunEvent[];
  /** A sentence when part of the history was damaged and is missing. */
  readonly problem: string | null;
}

/** A run that comes from elsewhere, as `RunContents` of a run file. */
export interface AddedRun {
  readonly spec: Spec;
  /** Updates it will make. */
  readonly steps: number;
  readonly state: KeptState;
  /** `encodeCheckpoint`'s, the updates it was taken after, and how many of the events had been told before (default all). */
  readonly checkpoint: { readonly bytes: Uint8Array<ArrayBuffer>; readonly step: number; readonly events?: number };
  readonly events: readonly RunEvent[];
}

export interface StoreOptions {
  /** To read specs by. */
  readonly schemes: readonly Scheme[];
  /** The browser's locks; null where there are none. */
  readonly locks: Locks | null;
  /** Milliseconds since 1970. */
  readonly clock?: () => number;
  /** Calls `work` every so many milliseconds until the function returned is called. */
  readonly every?: (milliseconds: number, work: () => void) => () => void;
  /** A text that was never made before. */
  readonly newId?: () => string;
}

/** Whether a run was cut off (its tab went away while it was running or paused) and can be resumed. */
export const isInterrupted = ({ state, checkpoint, writer }: KeptRun): boolean =>
  (state === 'running' || state === 'paused') && checkpoint !== null && writer === null;

const HEARTBEAT_MILLISECONDS = LEASE_MILLISECONDS / 4;

const timer = (milliseconds: number, work: () => void): (() => void) => {
  const id = setInterval(work, milliseconds);
  return () => clearInterval(id);
};

/** The runs kept in this browser. Errors are sentences: FullError, LockedError, DamagedError, StorageError. */
export class RunStore {
  readonly #writers = new Map<string, RunWriter>();
  readonly #options: Required<StoreOptions>;

  constructor(
    readonly backend: Backend,
    options: StoreOptions,
  ) {
    this.#options = { clock: Date.now, every: timer, newId: () => crypto.randomUUID(), ...options };
  }

  async list(): Promise<RunList> {
    const { locks, clock, schemes } = this.#options;
    const held = await locks?.held();
    const { entries, claims } = await this.backend.read(async (transaction) => ({
      entries: await transaction.entries('runs'),
      claims: await transaction.entries('claims'),
    }));
    const now = clock();
    const claimed = new Set(
      claims.flatMap(({ key, value }) => {
        const found = readClaim(value);
        return found && holds(found, now) ? [String(key)] : [];
      }),
    );
    const runs: KeptRun[] = [];
    const damaged: DamagedRun[] = [];
    for (const { key, value } of entries) {
      const id = String(key);
      try {
        runs.push(keptRun(readRecord(value, id, schemes), this.#writerOf(id, held ?? claimed)));
      } catch (error) {
        damaged.push({ id, message: error instanceof Error ? error.message : String(error) });
      }
    }
    runs.sort((a, b) => b.updated - a.updated || b.created - a.created || (a.id < b.id ? -1 : 1));
    return { runs, damaged };
  }

  /** Begins to keep a new run of so many updates. */
  async create({ spec, steps }: { readonly spec: Spec; readonly steps: number }): Promise<RunWriter> {
    const { clock, newId } = this.#options;
    const id = newId();
    const now = clock();
    const record: RunRecord = {
      format: 1,
      id,
      name: spec.name,
      spec,
      created: now,
      updated: now,
      step: 0,
      steps,
      state: 'running',
      checkpoint: null,
      events: { end: 0, bytes: 0 },
    };
    return this.#open(id, 0, await this.#take(id, (transaction) => transaction.put('runs', id, record)));
  }

  /**
   * Keeps a run that comes from elsewhere, which nobody writes then; wholly or not at all. Resolves with its id. What is
   * in the checkpoint is the caller's to check.
   */
  async add({ spec, steps, state, checkpoint: { bytes, step, events: at }, events }: AddedRun): Promise<string> {
    const writer = await this.create({ spec, steps });
    try {
      writer.append(events.slice(0, at));
      await writer.save({ bytes, step, state, steps });
      writer.append(events.slice(at ?? events.length));
      await writer.flush();
    } catch (error) {
      await this.delete(writer.id).catch(() => undefined);
      throw error;
    }
    await writer.close();
    return writer.id;
  }

  /**
   * A run with its checkpoint and history, to look at. Throws a DamagedError when its record or checkpoint cannot be
   * read; damaged parts of its history are left out.
   */
  async read(id: string): Promise<RunContents> {
    const { contents } = await this.#read(id);
    return contents;
  }

  /**
   * Takes an interrupted run to go on with it: its checkpoint, the log up to there (what was told later is forgotten,
   * see `resumedLog`), and its writer. Throws a LockedError when another tab has it.
   */
  async resume(id: string): Promise<RunContents & { readonly writer: RunWriter }> {
    const taking = await this.#take(id);
    try {
      const { contents, record, log } = await this.#read(id);
      const cut = await cutLog(log, record);
      const step = record.checkpoint?.step ?? 0;
      await this.backend.write(async (transaction) => {
        await keepClaim(transaction, id, taking.holder, this.#options.clock());
        for (const key of cut.remove) await transaction.delete('events', key);
        for (const { key, value } of cut.put) await transaction.put('events', key, value);
        await transaction.put('runs', id, { ...record, step, events: cut.events });
      });
      const writer = this.#open(id, cut.events.end, taking);
      const bytes = (record.checkpoint?.bytes ?? 0) + cut.events.bytes;
      return { ...contents, run: { ...contents.run, step, bytes, writer: 'here' }, events: cut.held, writer };
    } catch (error) {
      await this.#drop(id, taking);
      throw error;
    }
  }

  /** Deletes a run and all that is kept of it. Throws a LockedError when another tab writes it; a writer here is closed. */
  async delete(id: string): Promise<void> {
    await this.#writers.get(id)?.close();
    const taking = await this.#take(id);
    try {
      await this.backend.write(async (transaction) => {
        await keepClaim(transaction, id, taking.holder, this.#options.clock());
        for (const store of STORES) {
          for (const { key } of await transaction.entries(store, id)) await transaction.delete(store, key);
        }
      });
      taking.lock?.release();
    } catch (error) {
      await this.#drop(id, taking);
      throw error;
    }
  }

  /** Closes all writers and the storage. */
  async close(): Promise<void> {
    await Promise.all([...this.#writers.values()].map((writer) => writer.close()));
    this.backend.close();
  }

  async #read(id: string): Promise<{ contents: RunContents; record: RunRecord; log: StoredLog }> {
    const found = await this.backend.read(async (transaction) => ({
      record: await transaction.get('runs', id),
      checkpoints: await transaction.entries('checkpoints', id),
      chunks: await transaction.entries('events', id),
    }));
    if (found.record === undefined) throw new DamagedError('This run is not kept in this browser any more.');
    const record = readRecord(found.record, id, this.#options.schemes);
    const { checkpoint: kept, name } = record;
    const value = found.checkpoints.find(({ key }) => key[1] === kept?.slot)?.value;
    const checkpoint = kept && (await checkedBytes(value, kept.sha256));
    if (kept && !checkpoint) {
      throw new DamagedError(
        `The checkpoint of "${name}" is damaged: its SHA-256 does not match. Start the run again.`,
      );
    }
    const log = await readLog(found.chunks);
    const problem = log.damaged
      ? `Part of the history of "${name}" is damaged and left out. Its checkpoint is sound, so it can be resumed.`
      : null;
    const run = keptRun(record, this.#writers.has(id) ? 'here' : null);
    return { contents: { run, checkpoint, events: log.events, problem }, record, log };
  }

  #writerOf(id: string, taken: ReadonlySet<string>): KeptRun['writer'] {
    if (this.#writers.has(id)) return 'here';
    return taken.has(id) ? 'elsewhere' : null;
  }

  /** Takes a run to write it, which `#open` or `#drop` follows. */
  async #take(id: string, work?: (transaction: WriteTransaction) => Promise<void>): Promise<Taking> {
    const { locks, newId, clock } = this.#options;
    if (this.#writers.has(id)) throw new Error(`The run ${id} is being written here already.`);
    const lock = (await locks?.acquire(id)) ?? null;
    if (locks && !lock) throw new LockedError();
    const taking = { lock, holder: newId() };
    try {
      await this.backend.write(async (transaction) => {
        await claim(transaction, id, taking.holder, { now: clock(), alone: lock !== null });
        await work?.(transaction);
      });
      return taking;
    } catch (error) {
      await this.#drop(id, taking);
      throw error;
    }
  }

  /** Lets go of a run; a claim that cannot be given back now runs out. */
  async #drop(id: string, { lock, holder }: Taking): Promise<void> {
    await this.backend.write((transaction) => giveBack(transaction, id, holder)).catch(() => undefined);
    lock?.release();
  }

  #open(id: string, end: number, { lock, holder }: Taking): RunWriter {
    const { schemes, clock, every } = this.#options;
    // With a lock of the browser the claim needs no renewing: nobody asks how old it is.
    const stop = lock
      ? () => undefined
      : every(HEARTBEAT_MILLISECONDS, () => void writer.renew().catch(() => undefined));
    const onClose = (): void => {
      stop();
      this.#writers.delete(id);
      lock?.release();
    };
    const writer = new RunWriter(id, end, { backend: this.backend, schemes, clock, holder, onClose });
    this.#writers.set(id, writer);
    return writer;
  }
}

/** A run about to be written. */
interface Taking {
  readonly lock: Lock | null;
  readonly holder: string;
}

function keptRun(record: RunRecord, writer: KeptRun['writer']): KeptRun {
  const { id, name, spec, created, updated, step, steps, state, checkpoint, events } = record;
  const bytes = (checkpoint?.bytes ?? 0) + events.bytes;
  const kept = checkpoint && { step: checkpoint.step, bytes: checkpoint.bytes, events: checkpoint.events };
  return { id, name, spec, created, updated, step, steps, state, checkpoint: kept, bytes, writer };
}
