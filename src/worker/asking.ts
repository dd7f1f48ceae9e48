import type { Answer, Asking, Question } from '../core/questions/questions.ts';
import { sentenceOf } from '../lab/faults.ts';
import type { Command, Report } from './messages.ts';

type Ask = Extract<Command, { type: 'ask' }>;

/** Has questions answered by a session, and reports what comes of each. */
export class Answering {
  readonly #open = new Map<number, AbortController>();

  constructor(
    readonly session: { ask(run: number, question: Question, asking: Asking): Promise<Answer> },
    readonly report: (report: Report) => void,
  ) {}

  async ask({ ask, run, question }: Ask): Promise<void> {
    const controller = new AbortController();
    this.#open.set(ask, controller);
    const onProgress = (done: number, of: number): void => this.report({ type: 'answering', ask, done, of });
    try {
      const answer = await this.session.ask(run, question, { signal: controller.signal, onProgress });
      this.report({ type: 'answer', ask, answer });
    } catch (error) {
      this.report({ type: 'noAnswer', ask, message: sentenceOf(error) });
    } finally {
      this.#open.delete(ask);
    }
  }

  leave(ask: number): void {
    this.#open.get(ask)?.abort();
  }
}
