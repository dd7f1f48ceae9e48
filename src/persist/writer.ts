import type { RunEvent } from '../core/events/events.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import type { Backend, WriteTransaction } from './backend.ts';
import { giveBack, keepClaim } from './claims.ts';
import { checkedBytes, ownBytes, sha256Of } from './digest.ts';
import { DamagedError, StorageError } from './errors.ts';
import {
  type CheckpointRecord,
  type EventChunk,
  type KeptState,
  type RunRecord,
  type Slot,
  encodeEvents,
  readRecord,
} from './records.ts';

/** A checkpoint to keep. */
export interface Save {
  /** `encodeCheckpoint`'s. Not to be changed afterwards. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Updates it was taken after. */
  readonly step: number;
  readonly state: KeptState;
  /** Updates the run will make, where that has changed. */
  readonly steps?: number;
}

/** What a writer needs of the store that opened it. */
export interface WriterPlace {
  readonly backend: Backend;
  readonly schemes: readonly Scheme[];
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** The writer's claim to the run. */
  readonly holder: string;
  /** Called once, when the writer is closed. */
  readonly onClose: () => void;
}

export const otherSlot = (slot: Slot | undefined): Slot => (slot === 'a' ? 'b' : 'a');

/**
 * Writes one run; no other tab does while this is open. Operations happen one after the other, in the order they were
 * called. Each rejects with a sentence (FullError, LockedError, StorageError, DamagedError) and leaves what was
 * acknowledged before as it was; the next call tries again.
 */
export class RunWriter {
  readonly #place: WriterPlace;
  /** Events not known to be stored; the first of them has the position `#end`. */
  #pending: RunEvent[] = [];
  #end: number;
  #queue: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | null = null;

  /** `end`: events stored already. */
  constructor(
    readonly id: string,
    end: number,
    place: WriterPlace,
  ) {
    this.#end = end;
    this.#place = place;
  }

  /** Takes in what the run told. It is stored by the next `flush` or `save`. */
  append(events: readonly RunEvent[]): void {
    for (const event of events) this.#pending.push(event);
  }

  /** Events taken in that are not known to be stored. */
  get unsaved(): number {
    return this.#pending.length;
  }

  /** Stores the events taken in. */
  flush(): Promise<void> {
    return this.#enqueue(() => this.#flush());
  }

  /**
   * Keeps a checkpoint, and the events taken in. Acknowledged, which means resolved, only when it was read back equal and
   * has taken the last one's place on the disk. The last one is deleted after that.
   */
  save(checkpoint: Save): Promise<void> {
    // Where the checkpoint stands in the log is settled now, not when it gets its turn.
    const events = this.#end + this.#pending.length;
    const acknowledged = this.#enqueue(() => this.#save(checkpoint, events));
    // What is left over of a failed save goes as well; when this fails the next one does it.
    void this.#enqueue(() => this.#deleteUnused()).catch(() => undefined);
    return acknowledged;
  }

  /** Notes where the run stands, or its new name; its checkpoint stays. */
  mark(progress: {
    readonly state?: KeptState;
    readonly step?: number;
    readonly steps?: number;
    readonly name?: string;
  }): Promise<void> {
    return this.#enqueue(() => this.#change((record) => ({ ...record, ...progress })));
  }

  /** Renews the claim where no lock of the browser stands for it. Called by a timer. */
  renew(): Promise<void> {
    return this.#enqueue(() =>
      this.#place.backend.write(async (transaction) => void (await this.#require(transaction))),
    );
  }

  /** Stores what was taken in, as far as that can be, and lets others write the run. Never rejects. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { id } = this;
    const { backend, holder, onClose } = this.#place;
    await this.flush().catch(() => undefined);
    await this.#enqueue(() => backend.write((transaction) => giveBack(transaction, id, holder))).catch(() => undefined);
    onClose();
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /** The run's record, once it is certain that the run is still this writer's. Renews its claim. */
  async #require(transaction: WriteTransaction): Promise<RunRecord> {
    const { id } = this;
    const { holder, schemes, clock } = this.#place;
    const found = await transaction.get('runs', id);
    if (found === undefined) throw new StorageError('This run was deleted, so it cannot be kept any more.');
    await keepClaim(transaction, id, holder, clock());
    return readRecord(found, id, schemes);
  }

  #change(change: (record: RunRecord) => RunRecord): Promise<void> {
    const { backend, clock } = this.#place;
    return backend.write(async (transaction) => {
      const record = await this.#require(transaction);
      await transaction.put('runs', this.id, { ...change(record), updated: clock() });
    });
  }

  async #save({ bytes: given, step, state, steps }: Save, events: number): Promise<void> {
    const { backend } = this.#place;
    const bytes = ownBytes(given);
    const sha256 = await sha256Of(bytes);
    const slot = await backend.write(async (transaction) => {
      const { checkpoint } = await this.#require(transaction);
      const free = otherSlot(checkpoint?.slot);
      await transaction.put('checkpoints', [this.id, free], bytes);
      return free;
    });
    const read = await backend.read((transaction) => transaction.get('checkpoints', [this.id, slot]));
    if (!(await checkedBytes(read, sha256))) {
      throw new DamagedError(
        'The storage of this browser returned other bytes than were written. Saving is tried again.',
      );
    }
    await this.#flush();
    const checkpoint: CheckpointRecord = { slot, step, events, bytes: bytes.length, sha256 };
    await this.#change((record) => ({ ...record, ...(steps === undefined ? {} : { steps }), step, state, checkpoint }));
  }

  async #deleteUnused(): Promise<void> {
    await this.#place.backend.write(async (transaction) => {
      const { checkpoint } = await this.#require(transaction);
      await transaction.delete('checkpoints', [this.id, otherSlot(checkpoint?.slot)]);
      if (!checkpoint) await transaction.delete('checkpoints', [this.id, 'b']);
    });
  }

  async #flush(): Promise<void> {
    const { backend, clock } = this.#place;
    while (this.#pending.length > 0) {
      const events = this.#pending.slice();
      const bytes = encodeEvents(events);
      const chunk: EventChunk = { count: events.length, bytes, sha256: await sha256Of(bytes) };
      const from = this.#end;
      const end = await backend.write(async (transaction) => {
        const record = await this.#require(transaction);
        // A write that failed too late to be undone stored some of them.
        if (record.events.end !== from) return record.events.end;
        const stored = { end: from + events.length, bytes: record.events.bytes + bytes.length };
        await transaction.put('events', [this.id, from], chunk);
        await transaction.put('runs', this.id, { ...record, events: stored, updated: clock() });
        return stored.end;
      });
      this.#pending.splice(0, end - from);
      this.#end = end;
    }
  }
}
