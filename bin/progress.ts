import type { RunEvent } from '../src/core/events/events.ts';
import type { SchemeProgress } from '../src/core/scheme/scheme.ts';
import { stageSentence } from '../src/core/events/stage.ts';
import { goesBack } from '../src/core/events/undone.ts';

/** Milliseconds between lines: often on a terminal, where one line is rewritten, seldom in a log. */
const INTERVAL = { terminal: 200, log: 5_000 };

export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly terminal: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
}

/** Tells how far a run is and how long it will still take. */
export class Progress {
  readonly #options: ProgressOptions;
  #began: number;
  /** Since when the scheme computes; null while it does not. */
  #computing: number | null = null;
  #last = -Infinity;
  #steps = 0;
  #line = '';
  #testAccuracy: number | null = null;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#began = options.now();
  }

  observe(event: RunEvent): void {
    if (event.kind === 'start') {
      this.#steps = event.steps;
      // What a scheme computes before is no part of the pace.
      this.#began = this.#options.now();
    }
    if (event.kind === 'evaluate') this.#testAccuracy = event.testAccuracy;
    else if (event.kind === 'batchHalved') this.#steps = event.steps;
    if (event.kind === 'stage') {
      const { before, masked, recalibrated } = event.accuracy;
      const accuracies = [before, masked, ...(recalibrated === null ? [] : [recalibrated])].map(percent).join(' → ');
      this.#say(`step ${event.step}: ${stageSentence(event.report)} Test accuracy ${accuracies}`);
    }
    if (event.kind === 'note' || goesBack(event)) this.#say(event.message);
    if (event.kind !== 'step') return;
    const { now } = this.#options;
    const left = ((now() - this.#began) / event.step) * (this.#steps - event.step);
    const accuracy = this.#testAccuracy === null ? '' : `, test accuracy ${percent(this.#testAccuracy)}`;
    const line = `step ${event.step} of ${this.#steps}, loss ${event.trainLoss.toFixed(3)}${accuracy}, ${duration(left)} left`;
    this.#show(line, event.step === this.#steps);
  }

  /** Tells how far the scheme is with what it computes between two steps; null when it is through. */
  prepare(progress: SchemeProgress | null): void {
    const now = this.#options.now();
    if (!progress) {
      // What a scheme computes is no part of the pace.
      this.#began += now - (this.#computing ?? now);
      this.#computing = null;
      this.end();
      return;
    }
    this.#computing ??= now;
    const best = progress.rounds?.at(-1)?.best;
    const found = best === undefined ? '' : `, best accuracy ${percent(best)}`;
    this.#show(`${progress.what}: ${progress.done} of ${progress.of}${found}`);
  }

  /** Shows a line unless the one before it is too fresh. */
  #show(line: string, surely = false): void {
    const { terminal, now } = this.#options;
    if (!surely && now() - this.#last < (terminal ? INTERVAL.terminal : INTERVAL.log)) return;
    this.#last = now();
    this.#options.write(terminal ? `\r${line.padEnd(this.#line.length)}` : `${line}\n`);
    this.#line = terminal ? line : '';
  }

  /** Ends the line that is being rewritten. */
  end(): void {
    if (this.#line !== '') this.#options.write('\n');
    this.#line = '';
  }

  #say(message: string): void {
    this.end();
    this.#options.write(`${message}\n`);
  }
}

export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A duration as people say it: 42 s, 3 min 5 s, 2 h 10 min. */
export function duration(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min ${seconds % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
