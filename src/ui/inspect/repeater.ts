/** What is known of a question: the latest answer, and why there is no newer one. */
export interface Known<T> {
  readonly answer: T | null;
  readonly problem: string | null;
}

/**
 * Asks the same again whenever `again` is called, but one question at a time and none sooner than `every` milliseconds
 * after the one before. The latest answer stays until the next.
 */
export class Repeater<T> {
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #wanted = false;
  #next = 0;
  #known: Known<T> = { answer: null, problem: null };

  constructor(
    readonly ask: (signal: AbortSignal) => Promise<T>,
    readonly onKnown: (known: Known<T>) => void,
    readonly every: number,
  ) {}

  again(): void {
    this.#wanted = true;
    if (this.#asking || this.#timer !== undefined || this.#controller.signal.aborted) return;
    const wait = this.#next - performance.now();
    if (wait <= 0) void this.#begin();
    else this.#timer = setTimeout(() => void this.#begin(), wait);
  }

  /** Takes the question back; nothing is told any more. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#controller.abort(new Error('Nobody waits for the answer.'));
  }

  async #begin(): Promise<void> {
    const { signal } = this.#controller;
    this.#timer = undefined;
    this.#wanted = false;
    this.#asking = true;
    this.#next = performance.now() + this.every;
    try {
      this.#tell({ answer: await this.ask(signal), problem: null });
    } catch (error) {
      this.#tell({ answer: this.#known.answer, problem: error instanceof Error ? error.message : String(error) });
    }
    this.#asking = false;
    if (this.#wanted) this.again();
  }

  #tell(known: Known<T>): void {
    if (this.#controller.signal.aborted) return;
    this.#known = known;
    this.onKnown(known);
  }
}
