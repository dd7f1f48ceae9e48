import type { Asking, PageAnswer, PageQuestion, PageQuestionKind } from '../core/questions/questions.ts';
import type { Command, Report } from '../worker/messages.ts';

interface Asked {
  resolve(answer: PageAnswer): void;
  reject(reason: Error): void;
  readonly onProgress: Asking['onProgress'];
}

/** Questions to the worker, and the promises of their answers. */
export class Questions {
  readonly #asked = new Map<number, Asked>();
  #last = 0;

  constructor(readonly send: (command: Command) => void) {}

  /**
   * Asks about a run. Rejects with a sentence when there is no answer; once `signal` aborts, with its reason at once.
   */
  ask<Kind extends PageQuestionKind>(
    run: number,
    question: PageQuestion<Kind>,
    asking: Asking = {},
  ): Promise<PageAnswer<Kind>> {
    const { signal, onProgress } = asking;
    const ask = ++this.#last;
    return new Promise<PageAnswer<Kind>>((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const leave = (): void => {
        this.#asked.delete(ask);
        this.send({ type: 'leave', ask });
        reject(signal?.reason as Error);
      };
      const settled = (): void => signal?.removeEventListener('abort', leave);
      this.#asked.set(ask, {
        // The worker answers a question with an answer of its kind.
        resolve: (answer) => (settled(), resolve(answer as PageAnswer<Kind>)),
        reject: (reason) => (settled(), reject(reason)),
        onProgress,
      });
      signal?.addEventListener('abort', leave, { once: true });
      // What the compiler cannot see: a question of some kind is a question.
      this.send({ type: 'ask', ask, run, question: question as unknown as PageQuestion });
    });
  }

  /** Takes in what the worker says of a question; that of one taken back counts for nothing. */
  hear(report: Extract<Report, { type: 'answer' | 'noAnswer' | 'answering' }>): void {
    const asked = this.#asked.get(report.ask);
    if (!asked) return;
    if (report.type === 'answering') return asked.onProgress?.(report.done, report.of);
    this.#asked.delete(report.ask);
    if (report.type === 'answer') asked.resolve(report.answer);
    else asked.reject(new Error(report.message));
  }
}
