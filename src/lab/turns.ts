interface Waiting {
  readonly behind: () => number;
  go(): void;
}

/**
 * Gives the runs of a race the engine one at a time, so that none disturbs another's measurements or memory. Of those
 * that wait the one whose progress is smallest goes next (ties: who has waited longest). Runs of equal length so stay within two calls of each other.
 */
export class Turns {
  #busy = false;
  #waiting: Waiting[] = [];

  /** Does `work` when its turn comes. `progress` (0 to 1) is asked whenever a turn is given away. */
  async take<T>(progress: () => number, work: () => Promise<T>): Promise<T> {
    if (this.#busy) await new Promise<void>((go) => this.#waiting.push({ behind: progress, go }));
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#next();
    }
  }

  /** Hands the turn over directly, so that nobody slips in between. */
  #next(): void {
    const first = this.#waiting.reduce<Waiting | null>(
      (best, one) => (best === null || one.behind() < best.behind() ? one : best),
      null,
    );
    this.#waiting = this.#waiting.filter((one) => one !== first);
    if (first) first.go();
    else this.#busy = false;
  }
}
