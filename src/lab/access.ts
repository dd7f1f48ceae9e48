import { Turns } from './turns.ts';

/** A run's way to its engine: in turns with the other runs of a race, and never waiting for what will not come. */
export class EngineAccess {
  /** Rejects once the run is closed: images that nobody else wants may never come. */
  readonly closing: Promise<never>;
  /** Those of a race take turns. */
  turns = new Turns();
  /** Why the engine is of no use any more: its device was lost. */
  #loss: string | null = null;
  #rejectClosing: (reason: Error) => void = () => undefined;
  /** Leave what is waited for of the engine: a lost device need not answer it. */
  readonly #abandoning = new Set<(reason: Error) => void>();

  /** `progress` of the run, from 0 to 1. */
  constructor(readonly progress: () => number) {
    this.closing = new Promise((_, reject) => (this.#rejectClosing = reject));
    this.closing.catch(() => undefined);
  }

  get loss(): string | null {
    return this.#loss;
  }

  /** Does work when the run's turn comes. */
  turn<T>(work: () => Promise<T>): Promise<T> {
    return this.turns.take(this.progress, work);
  }

  /** Uses the engine when the run's turn comes; rejects when its device is lost. */
  use<T>(work: () => Promise<T>): Promise<T> {
    return this.turn(async () => {
      if (this.#loss !== null) throw new Error(this.#loss);
      return this.#unlessLost(work());
    });
  }

  /** Waits for images, outside of any turn; rejects when the run is closed or the device is lost. */
  there(images: Promise<void>): Promise<void> {
    return this.#unlessLost(Promise.race([images, this.closing]));
  }

  /** The device is lost: whatever is waited for rejects. */
  lose(message: string): void {
    this.#loss = message;
    for (const abandon of this.#abandoning) abandon(new Error(message));
  }

  /** There is an engine to use again. */
  replaced(): void {
    this.#loss = null;
  }

  close(): void {
    this.#rejectClosing(new Error('The run was closed.'));
  }

  #unlessLost<T>(call: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#abandoning.add(reject);
      void call.then(resolve, reject).finally(() => this.#abandoning.delete(reject));
    });
  }
}
