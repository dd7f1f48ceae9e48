/** Share of the time that saving may take: a save is followed by the next after at least 1/0.02 = 50 times its duration. */
const COST_SHARE = 0.02;
/** Never more often: what is lost then is a moment's work anyway. */
const SHORTEST_MILLISECONDS = 5_000;
/** More training than this is not risked to save time, up to the dearer share. */
const LONGEST_MILLISECONDS = 60_000;
const DEAR_SHARE = 0.1;
/** After a failed save the next comes after this, then after twice as long each time, up to the longest. */
const FIRST_RETRY_MILLISECONDS = 15_000;
const LONGEST_RETRY_MILLISECONDS = 600_000;

/**
 * Milliseconds of training between two saves, given how long the last one took: as many as make saving cost 2 % of the
 * time, but no more than a minute is put at risk as long as saving then costs 10 % at most.
 */
export const saveInterval = (cost: number): number =>
  Math.max(SHORTEST_MILLISECONDS, Math.min(cost / COST_SHARE, LONGEST_MILLISECONDS), cost / DEAR_SHARE);

/** Milliseconds from a failed save to the next try: `failures` of them in a row, 1 or more. */
export const retryDelay = (failures: number): number =>
  Math.min(FIRST_RETRY_MILLISECONDS * 2 ** (failures - 1), LONGEST_RETRY_MILLISECONDS);

export interface AutosaveOptions {
  /** Takes a checkpoint and saves it; rejects when it was not acknowledged. Never called while it is under way. */
  readonly save: () => Promise<void>;
  /** Milliseconds that only go up. */
  readonly now?: () => number;
  /** What became of a save: null after one that went well, else what is wrong. Training goes on in both cases. */
  readonly onOutcome?: (problem: Error | null) => void;
}

/** Decides when a run is saved. Saves never overlap, and a failed one never stops the run. */
export class Autosave {
  readonly #save: () => Promise<void>;
  readonly #now: () => number;
  readonly #onOutcome: (problem: Error | null) => void;
  /** Milliseconds of training, and how many of them the last acknowledged save holds. */
  #trained = 0;
  #kept = 0;
  #changed = false;
  #cost = 0;
  #failures = 0;
  #retryAt = -Infinity;
  #saving: Promise<boolean> | null = null;

  constructor({ save, now = () => performance.now(), onOutcome = () => undefined }: AutosaveOptions) {
    this.#save = save;
    this.#now = now;
    this.#onOutcome = onOutcome;
  }

  /** Milliseconds of training that would be lost if the page went away now. */
  get atRisk(): number {
    return this.#trained - this.#kept;
  }

  /** Whether a save should begin now. */
  get due(): boolean {
    if (this.#saving) return false;
    // A failing save is dear and mostly in vain, so only the clock counts.
    return this.#failures > 0 ? this.#now() >= this.#retryAt : this.atRisk >= saveInterval(this.#cost);
  }

  /** Counts milliseconds of training, between two steps; begins a save when one is due. */
  trained(milliseconds: number): void {
    this.#trained += milliseconds;
    this.#changed = true;
    if (this.due) void this.#begin();
  }

  /**
   * Saves what has not been saved: when the run pauses, ends, or its page is hidden or left. A save under way is waited
   * for first. True when everything counted is kept; never rejects.
   */
  async last(): Promise<boolean> {
    while (this.#saving) await this.#saving;
    return this.#changed ? this.#begin() : true;
  }

  #begin(): Promise<boolean> {
    this.#saving ??= this.#attempt().finally(() => (this.#saving = null));
    return this.#saving;
  }

  async #attempt(): Promise<boolean> {
    const trained = this.#trained;
    const began = this.#now();
    this.#changed = false;
    try {
      await this.#save();
      this.#kept = trained;
      this.#cost = this.#now() - began;
      this.#failures = 0;
      this.#onOutcome(null);
      return true;
    } catch (error) {
      this.#changed = true;
      this.#failures++;
      this.#retryAt = this.#now() + retryDelay(this.#failures);
      this.#onOutcome(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }
}
