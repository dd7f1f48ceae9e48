import type { RunEvent } from '../core/events/events.ts';
import { type RunCheckpoint, decodeCheckpoint } from '../lab/checkpoint.ts';
import type { Resumption, SessionState } from '../lab/session.ts';
import { storageUse } from '../persist/storage.ts';
import type { RunList, RunStore } from '../persist/store.ts';
import type { Report } from './messages.ts';
import { Saving } from './saving.ts';

/** Milliseconds between two lists told without being asked for. */
const LIST_EVERY = 3_000;

const EMPTY: RunList = { runs: [], damaged: [] };

/** Keeps the open runs in this browser, and opens, lists and deletes kept ones. Runs go by the session's numbers. */
export class Keeper {
  readonly #savings = new Map<number, Saving>();
  /** Numbers of runs that were closed; they are never used again. */
  readonly #closed = new Set<number>();
  /** Those that could be opened. */
  readonly #opened = new Set<number>();
  /** Why nothing can be kept: the page then says so, and no run tries. */
  #unavailable: string | null = null;
  #listed = false;
  #listing: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly store: RunStore,
    readonly report: (report: Report) => void,
    readonly clock: () => number = Date.now,
  ) {}

  /** Tells the kept runs, having deleted what is left of those that were cut off before their first checkpoint. */
  async start(): Promise<void> {
    try {
      const { runs } = await this.store.list();
      for (const { id, checkpoint, writer } of runs) if (!checkpoint && !writer) await this.store.delete(id);
    } catch {
      // The list below says what is wrong.
    }
    await this.list();
  }

  /** Tells the kept runs; `problem` is what failed before. */
  async list(problem: string | null = null): Promise<void> {
    clearTimeout(this.#listing);
    this.#listing = undefined;
    let list = EMPTY;
    try {
      list = await this.store.list();
      this.#listed = true;
      this.#unavailable = null;
    } catch (error) {
      problem = messageOf(error);
      if (!this.#listed) this.#unavailable = problem;
    }
    const use = await storageUse(list);
    this.report({ type: 'kept', list, use, problem });
  }

  onEvent(run: number, event: RunEvent): void {
    this.#of(run).told(event);
  }

  onCheckpoint(run: number, checkpoint: RunCheckpoint, events: number): void {
    if (this.#unavailable === null) this.#of(run).took(checkpoint, events);
  }

  onRunState(run: number, state: SessionState): void {
    if (state === 'loading') return;
    if (state === 'error' && !this.#opened.has(run)) {
      void this.#savings.get(run)?.release();
      this.#savings.delete(run);
      return;
    }
    this.#opened.add(run);
    if (state === 'idle') return;
    void this.#of(run)
      .stands(state)
      .then(() => this.#listSoon());
  }

  /** The run was closed. Its last checkpoint in memory is saved behind the page's back. */
  onClosed(run: number): void {
    this.#closed.add(run);
    const saving = this.#savings.get(run);
    this.#savings.delete(run);
    void saving?.close().then(() => this.#listSoon());
  }

  /** The page is hidden and may never be shown again. */
  onHidden(): void {
    for (const saving of this.#savings.values()) void saving.last();
  }

  rename(run: number, name: string): void {
    this.#savings.get(run)?.rename(name);
    this.#listSoon();
  }

  /** Takes a kept run for an open one to go on from. Rejects with a sentence when it cannot be had. */
  async load(run: number, id: string): Promise<Resumption> {
    const { writer, checkpoint: bytes, events, problem, run: kept } = await this.store.resume(id);
    try {
      if (!bytes) throw new Error(`“${kept.name}” has no checkpoint to go on from. Delete it and start it again.`);
      const checkpoint = await decodeCheckpoint(bytes);
      if (this.#closed.has(run)) throw new Error('The run was closed while it was being opened.');
      const { step } = checkpoint.trainer;
      const lost = problem === null ? [] : [{ kind: 'note', step, message: problem } as const];
      // The note is told as all else is, and so is kept.
      this.#savings.set(run, this.#saving(run, { writer, events: events.length, state: kept.state }));
      this.report({ type: 'saved', run, id, step, at: kept.updated });
      this.#listSoon();
      return { checkpoint, events: [...events, ...lost] };
    } catch (error) {
      await writer.close();
      throw error;
    }
  }

  /** Deletes kept runs, then tells which are left. */
  async delete(ids: readonly string[]): Promise<void> {
    const problems: string[] = [];
    for (const id of ids) {
      for (const saving of this.#savings.values()) if (saving.id === id) saving.drop();
      await this.store.delete(id).catch((error: unknown) => problems.push(messageOf(error)));
    }
    await this.list(problems[0] ?? null);
  }

  #of(run: number): Saving {
    const known = this.#savings.get(run);
    if (known) return known;
    const saving = this.#saving(run);
    if (!this.#closed.has(run)) this.#savings.set(run, saving);
    return saving;
  }

  #saving(run: number, reopened: ConstructorParameters<typeof Saving>[2] = null): Saving {
    const onSaved = (id: string, step: number): void => {
      this.report({ type: 'saved', run, id, step, at: this.clock() });
      this.#listSoon();
    };
    const onProblem = (message: string | null): void => this.report({ type: 'saveProblem', run, message });
    return new Saving(this.store, { onSaved, onProblem }, reopened);
  }

  #listSoon(): void {
    if (this.#unavailable === null) this.#listing ??= setTimeout(() => void this.list(), LIST_EVERY);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
