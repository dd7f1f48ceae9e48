import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { Engine, Trainer } from '../engine/engine.ts';

/** Milliseconds between two reports of progress. */
const TELL_EVERY = 100;

/** How a run lets its scheme compute beside the training. */
export interface Preparing {
  /** Does work on the engine when the run's turn comes: one call at a time, so that other runs go on meanwhile. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Rejects once the run is closed. */
  readonly closing: Promise<never>;
  /** Null when the scheme has done what it had to. */
  readonly onProgress: (progress: SchemeProgress | null) => void;
}

/**
 * Work on a run's engine beside its training: one call a turn. It ends when the run is closed, its device is lost or
 * somebody says so; whatever is waited for then rejects with the reason. `dispose` it before the data that it uses.
 */
export class Errand {
  readonly #trainers: Trainer[] = [];
  /** Settles when no call to the engine is under way. */
  #idle: Promise<unknown> = Promise.resolve();
  #ended: Error | null = null;
  /** Rejects what is waited for. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #toldAt = -Infinity;
  #roundsTold = 0;

  constructor(readonly place: Preparing & { readonly engine: Engine }) {
    void place.engine.lost.then((message) => this.end(new Error(message)));
    place.closing.catch((reason: unknown) => this.end(reason as Error));
  }

  /** Why nothing more can be computed; null while it can. */
  get ended(): Error | null {
    return this.#ended;
  }

  /** The first reason holds. */
  end(reason: Error): void {
    this.#ended ??= reason;
    for (const reject of this.#waiting) reject(reason);
  }

  async unlessEnded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw this.#ended;
    // Not a race: a promise that outlives the errand would keep every result.
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      void work()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  /** Computes in a turn of its own. Ended while it waits for that or for the engine, it gives the turn back at once. */
  turn<T>(compute: () => Promise<T>): Promise<T> {
    return this.unlessEnded(() => this.place.turn(() => this.unlessEnded(() => this.#call(compute))));
  }

  /** Has a trainer that was opened for the errand released at its end. */
  own(trainer: Trainer): void {
    this.#trainers.push(trainer);
  }

  /** Tells progress, not too often; the beginning and every round of a search always. */
  tell(progress: SchemeProgress): void {
    const now = performance.now();
    const rounds = progress.rounds?.length ?? 0;
    const news = progress.done === 0 || rounds > this.#roundsTold;
    if (this.#ended || (!news && now - this.#toldAt < TELL_EVERY)) return;
    this.#toldAt = now;
    this.#roundsTold = rounds;
    this.place.onProgress(progress);
  }

  /** Releases what it holds on the engine, once the call under way is done. */
  async dispose(): Promise<void> {
    this.end(new Error('What the scheme asked for came too late.'));
    await Promise.race([this.#idle, this.place.engine.lost]);
    for (const trainer of this.#trainers.splice(0)) trainer.dispose();
    if (this.#toldAt > -Infinity) this.place.onProgress(null);
  }

  #call<T>(compute: () => Promise<T>): Promise<T> {
    const computing = compute();
    this.#idle = computing.then(
      () => undefined,
      () => undefined,
    );
    return computing;
  }
}
