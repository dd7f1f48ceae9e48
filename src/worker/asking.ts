import type { Answer, Asking, PageAnswer, PageQuestion, Question } from '../core/questions/questions.ts';
import { sentenceOf } from '../lab/faults.ts';
import type { Command, Report } from './messages.ts';
import type { RunFiles } from './run-files.ts';

type Ask = Extract<Command, { type: 'ask' }>;

/** Has questions answered, those about runs by a session, and reports what comes of each. */
export class Answering {
  readonly #open = new Map<number, AbortController>();

  constructor(
    readonly session: { ask(run: number, question: Question, asking: Asking): Promise<Answer> },
    readonly files: Pick<RunFiles, 'write' | 'writeKept' | 'read'>,
    readonly report: (report: Report) => void,
  ) {}

  async ask({ ask, run, question }: Ask): Promise<void> {
    const controller = new AbortController();
    this.#open.set(ask, controller);
    const onProgress = (done: number, of: number): void => this.report({ type: 'answering', ask, done, of });
    try {
      const answer = await this.#answer(run, question, { signal: controller.signal, onProgress });
      this.report({ type: 'answer', ask, answer });
    } catch (error) {
      this.report({ type: 'noAnswer', ask, message: sentenceOf(error) });
    } finally {
      this.#open.delete(ask);
    }
  }

  #answer(run: number, question: PageQuestion, asking: Asking): Promise<PageAnswer> {
    switch (question.kind) {
      case 'writeRunFile':
        return this.files.write(run, question.name);
      case 'writeKeptFile':
        return this.files.writeKept(question.id);
      case 'readRunFile':
        return this.files.read(question.bytes);
      default:
        return this.session.ask(run, question, asking);
    }
  }

  leave(ask: number): void {
    this.#open.get(ask)?.abort();
  }
}
