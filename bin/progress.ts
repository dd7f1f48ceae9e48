import type { RunEvent } from '../src/core/events/events.ts';
import type { SchemeProgress } from '../src/core/scheme/scheme.ts';
import { stageSentence } from '../src/core/events/stage.ts';
import { goesBack } from '../src/core/events/undone.ts';

/** Milliseconds between lines: often on a terminal, where one line is rewritten, seldom in a log. */
const INTERVAL = { terminal: 200, log: 5_000 };
const BAR = 20;

export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly terminal: boolean;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Stands before every line, such as which run of how many it is about. */
  readonly label?: string;
}

/** A run that is being watched. */
interface Lane {
  steps: number;
  step: number;
  /** Steps made before it was resumed, which are no part of the pace. */
  readonly made: number;
}

/** Tells how far a run is, or several that go on side by side, and how long they will still take. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #label: string;
  readonly #lanes: Lane[] = [];
  /** Since when steps are made, and how many had been made then. */
  #began: { time: number; done: number };
  /** Whether the first call to the engine, which also pays for what is compiled once, is through. */
  #warm = false;
  /** Schemes that compute, and since when any does. */
  #computing = 0;
  #since = 0;
  #last = -Infinity;
  #line = '';
  #testAccuracy: number | null = null;
  readonly #said = new Set<string>();

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#label = options.label ? `${options.label}: ` : '';
    this.#began = { time: options.now(), done: 0 };
  }

  /** Watches one more run, which takes so many steps and has made some of them already. */
  watch(steps: number, made = 0): { observe(event: RunEvent): void; prepare(progress: SchemeProgress | null): void } {
    const lane: Lane = { steps, step: made, made };
    this.#lanes.push(lane);
    let computing = false;
    return {
      observe: (event) => this.#observe(event, lane),
      prepare: (progress) => {
        this.#prepare(progress, computing);
        computing = progress !== null;
      },
    };
  }

  #observe(event: RunEvent, lane: Lane): void {
    // What a scheme computes before is no part of the pace.
    if (event.kind === 'start' && !this.#warm) this.#began.time = this.#options.now();
    if (event.kind === 'start' || event.kind === 'batchHalved') lane.steps = event.steps;
    if (event.kind === 'evaluate') this.#testAccuracy = event.testAccuracy;
    if (event.kind === 'stage') {
      const { before, masked, recalibrated } = event.accuracy;
      const accuracies = [before, masked, ...(recalibrated === null ? [] : [recalibrated])].map(percent).join(' → ');
      this.#say(`step ${event.step}: ${stageSentence(event.report)} Test accuracy ${accuracies}`);
    }
    if (event.kind === 'note') this.#sayOnce(event.message);
    if (goesBack(event)) {
      lane.step = event.step;
      this.#say(event.message);
    }
    if (event.kind !== 'step') return;
    lane.step = event.step;
    this.#show(this.#stepLine(event.trainLoss), this.#sum('step') === this.#sum('steps'));
  }

  #stepLine(loss: number): string {
    const [made, done, all] = [this.#sum('made'), this.#sum('step'), this.#sum('steps')];
    const now = this.#options.now();
    const counted = done - made - this.#began.done;
    const left = counted > 0 ? ((now - this.#began.time) / counted) * (all - done) : 0;
    if (!this.#warm) this.#began = { time: now, done: done - made };
    this.#warm = true;
    const bar = this.#options.terminal ? `[${'#'.repeat(Math.floor((BAR * done) / all)).padEnd(BAR, '.')}] ` : '';
    const lanes = this.#lanes.length > 1 ? `${this.#lanes.length} runs, ` : '';
    const accuracy = this.#testAccuracy === null ? '' : `, test accuracy ${percent(this.#testAccuracy)}`;
    const measured = this.#lanes.length > 1 ? '' : `, loss ${loss.toFixed(3)}${accuracy}`;
    return `${bar}${lanes}step ${done} of ${all}${measured}, ${duration(left)} left`;
  }

  #sum(key: keyof Lane): number {
    return this.#lanes.reduce((sum, lane) => sum + lane[key], 0);
  }

  /** Tells how far a scheme is with what it computes between two steps; null when it is through. */
  #prepare(progress: SchemeProgress | null, before: boolean): void {
    const now = this.#options.now();
    if (!progress) {
      if (!before) return;
      this.#computing -= 1;
      // What a scheme computes is no part of the pace.
      if (this.#computing === 0) this.#began.time += now - this.#since;
      this.end();
      return;
    }
    if (!before) {
      if (this.#computing === 0) this.#since = now;
      this.#computing += 1;
    }
    const best = progress.rounds?.at(-1)?.best;
    const found = best === undefined ? '' : `, best accuracy ${percent(best)}`;
    this.#show(`${progress.what}: ${progress.done} of ${progress.of}${found}`);
  }

  /** Shows a line unless the one before it is too fresh. */
  #show(what: string, surely = false): void {
    const { terminal, now } = this.#options;
    if (!surely && now() - this.#last < (terminal ? INTERVAL.terminal : INTERVAL.log)) return;
    this.#last = now();
    const line = this.#label + what;
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
    this.#options.write(`${this.#label}${message}\n`);
  }

  /** What all runs of a race say alike is said once. */
  #sayOnce(message: string): void {
    if (this.#said.has(message)) return;
    this.#said.add(message);
    this.#say(message);
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
