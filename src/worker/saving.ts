import type { RunEvent } from '../core/events/events.ts';
import { type RunCheckpoint, encodeCheckpoint } from '../lab/checkpoint.ts';
import { Autosave } from '../persist/autosave.ts';
import type { KeptState } from '../persist/records.ts';
import type { RunStore } from '../persist/store.ts';
import type { RunWriter } from '../persist/writer.ts';

export interface SavingListener {
  /** A checkpoint was acknowledged. */
  onSaved(id: string, step: number): void;
  /** Why the latest save failed; null when a later one went well. */
  onProblem(message: string | null): void;
}

/** A run that was kept before: who writes it, and how many of the events that it tells again are kept. */
export interface Reopened {
  readonly writer: RunWriter;
  readonly events: number;
  readonly state: KeptState;
}

/** A checkpoint in memory, the events told before it was taken, and the updates the run will make. */
interface Taken {
  readonly checkpoint: RunCheckpoint;
  readonly events: number;
  readonly steps: number;
}

/**
 * Keeps one open run: takes in what it tells and the checkpoints it takes in memory, and saves one of them now and then,
 * when the run pauses or ends, and when asked. Nothing waits for it and nothing it does fails: what goes wrong is told.
 */
export class Saving {
  readonly #autosave: Autosave;
  /** Events told; the last of them lie in `#tail`, the first `#handed` with the writer. */
  #told = 0;
  #handed: number;
  #tail: RunEvent[] = [];
  #steps = 0;
  /** Milliseconds of training told since the last checkpoint. */
  #trained = 0;
  #latest: Taken | null = null;
  #writer: RunWriter | null;
  #state: KeptState = 'running';
  /** The state that the record holds; null where that is not known. */
  #marked: KeptState | null;
  #problem: string | null = null;
  /** Deleted: it is not kept any more. */
  #dropped = false;
  #name: string | null = null;

  constructor(
    readonly store: Pick<RunStore, 'create'>,
    readonly listener: SavingListener,
    reopened: Reopened | null = null,
  ) {
    this.#writer = reopened?.writer ?? null;
    this.#handed = reopened?.events ?? 0;
    this.#marked = reopened?.state ?? null;
    this.#state = reopened?.state ?? 'running';
    this.#autosave = new Autosave({ save: () => this.#save(), onOutcome: (problem) => this.#outcome(problem) });
  }

  /** The kept run's id; null before the first save. */
  get id(): string | null {
    return this.#writer?.id ?? null;
  }

  /** Takes in an event; those of a run kept before come first, once more. */
  told(event: RunEvent): void {
    if (this.#told++ >= this.#handed) this.#tail.push(event);
    if (event.kind === 'start' || event.kind === 'batchHalved') this.#steps = event.steps;
    if (event.kind === 'step' || event.kind === 'structure') this.#trained += event.milliseconds;
  }

  /** Takes in a checkpoint that was taken when the run had told so many events. */
  took(checkpoint: RunCheckpoint, events: number): void {
    if (this.#dropped) return;
    this.#latest = { checkpoint, events, steps: this.#steps };
    const trained = this.#trained;
    this.#trained = 0;
    this.#autosave.trained(trained);
    // Changed by hand while it stands still: there may be no other occasion.
    if (this.#state !== 'running') void this.#autosave.last();
  }

  /** The run moves, stands still, or has ended. Resolves when that is kept, as far as it can be. */
  async stands(state: KeptState): Promise<void> {
    this.#state = state;
    if (state !== 'running') await this.#autosave.last();
    await this.#mark();
  }

  /** Saves what is new: the page is hidden, and may not come back. */
  async last(): Promise<void> {
    if (this.#latest && !this.#dropped) await this.#autosave.last();
  }

  rename(name: string): void {
    this.#name = name;
    void this.#writer?.mark({ name }).catch(() => undefined);
  }

  /** The run was closed: saves its last checkpoint in memory, and lets others have it. */
  async close(): Promise<void> {
    const ended = this.#state === 'done' || this.#state === 'error';
    await this.stands(ended ? this.#state : 'stopped');
    await this.#writer?.close();
  }

  /** Lets others have a run that was not opened after all, as it was. */
  async release(): Promise<void> {
    await this.#writer?.close();
  }

  /** The run is about to be deleted: nothing of it is kept from now on. */
  drop(): void {
    this.#dropped = true;
    this.#latest = null;
    this.#outcome(null);
  }

  async #save(): Promise<void> {
    const taken = this.#latest;
    if (!taken) return;
    const { checkpoint, events, steps } = taken;
    const { step } = checkpoint.trainer;
    const bytes = await encodeCheckpoint(checkpoint);
    const spec = this.#name === null ? checkpoint.spec : { ...checkpoint.spec, name: this.#name };
    this.#writer ??= await this.store.create({ spec, steps });
    // Of the others the checkpoint knows nothing: they come before the next one.
    this.#hand(events);
    const state = this.#state;
    await this.#writer.save({ bytes, step, state, steps });
    this.#marked = state;
    if (!this.#dropped) this.listener.onSaved(this.#writer.id, step);
  }

  /** Gives the writer the events up to a position. */
  #hand(events: number): void {
    const next = this.#tail.splice(0, Math.max(0, events - this.#handed));
    this.#handed += next.length;
    this.#writer?.append(next);
  }

  async #mark(): Promise<void> {
    const state = this.#state;
    if (!this.#writer || this.#dropped || this.#marked === state) return;
    try {
      // Why a run failed was told after its last checkpoint.
      if (state === 'error') this.#hand(this.#told);
      await this.#writer.flush();
      await this.#writer.mark({ state });
      this.#marked = state;
    } catch {
      // The next save says where the run stands; why this one failed is told by it.
    }
  }

  #outcome(problem: Error | null): void {
    const message = this.#dropped ? null : (problem?.message ?? null);
    if (message === this.#problem) return;
    this.#problem = message;
    this.listener.onProblem(message);
  }
}
