/** Share of the training time that checkpoints in memory may take. */
const COST_SHARE = 0.02;
/** Never more often than this: what a lost device costs then is a moment's work anyway. */
const SHORTEST_MILLISECONDS = 1_000;

/**
 * When to take the next checkpoint in memory. One costs a read-back of parameters, momentum and running statistics:
 * milliseconds on a GPU, more on a slow adapter, more for a large network. So the time between two follows from what
 * the last one took: at least 50 times that, which makes them cost 2 % of a run at most, and at least a second.
 */
export class Keeping {
  #cost = 0;
  #trained = 0;

  /** Counts milliseconds of training. */
  trained(milliseconds: number): void {
    this.#trained += milliseconds;
  }

  get due(): boolean {
    return this.#trained >= Math.max(SHORTEST_MILLISECONDS, this.#cost / COST_SHARE);
  }

  /** A checkpoint was taken, in so many milliseconds. */
  kept(milliseconds: number): void {
    this.#cost = milliseconds;
    this.#trained = 0;
  }
}
