import { type Predictions, predictionsOf } from '../core/inspect/index.ts';
import { CLASSES } from '../core/network/images.ts';
import type { Answer, Asking, Question } from '../core/questions/questions.ts';

/** A state of a run: as it stands now, or at a kept checkpoint. */
export interface Chosen {
  readonly run: number;
  /** Step of the checkpoint, taken before what was due there. Without: now. */
  readonly at?: number;
}

/** What is known of a chosen state's predictions. Replaced whole when something changes. */
export interface Known {
  /** The last answer; null before there is one. */
  readonly predictions: (Predictions & { readonly step: number }) | null;
  /** How far the question under way is, in images; null while none is. */
  readonly asking: { readonly done: number; readonly of: number } | null;
  /** Why the last question had no answer. */
  readonly problem: string | null;
}

export type AskPredictions = (
  run: number,
  question: Question<'predictions'>,
  asking: Asking,
) => Promise<Answer<'predictions'>>;

const NOTHING: Known = { predictions: null, asking: null, problem: null };
/** States whose answers are kept: each takes some 400 kB for 10,000 images. */
const MOST = 16;
/** While a run trains it is asked again by itself no sooner than this (ms) ... */
const REST = 5_000;
/** ... and for at most this share of its time: an answer holds up training. */
const SHARE = 0.1;

const keyOf = ({ run, at }: Chosen): string => `${run} ${at ?? 'now'}`;

/**
 * The predictions of chosen states of runs, asked for once and kept. An answer of a checkpoint holds for good; one of now
 * is out of date once its run has moved on.
 */
export class PredictionStore {
  readonly #ask: AskPredictions;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #open = new Map<string, AbortController>();
  /** When the last answer of a key came, and how long it took (ms). */
  readonly #times = new Map<string, { readonly came: number; readonly took: number }>();
  readonly #listeners = new Set<() => void>();

  /** `now`: a clock in milliseconds. */
  constructor(ask: AskPredictions, now: () => number = () => performance.now()) {
    this.#ask = ask;
    this.#now = now;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly known = (chosen: Chosen | null): Known => (chosen && this.#known.get(keyOf(chosen))) ?? NOTHING;

  /** Whether a run has moved on from the answer (of now) that is kept. */
  outdated(chosen: Chosen, step: number): boolean {
    const { predictions } = this.known(chosen);
    return chosen.at === undefined && predictions !== null && predictions.step !== step;
  }

  /**
   * Sees to it that there is an answer: asks where there is none, or one that is out of date; of a run that trains only
   * with `live`, and not before a while has passed. What failed is not asked again by itself.
   */
  want(chosen: Chosen, { step, training, live }: { step: number; training: boolean; live: boolean }): void {
    const { predictions, asking, problem } = this.known(chosen);
    if (asking || problem) return;
    if (!predictions) return void this.ask(chosen);
    if (!this.outdated(chosen, step)) return;
    const { came, took } = this.#times.get(keyOf(chosen)) ?? { came: 0, took: 0 };
    const rested = this.#now() - came >= Math.max(REST, took / SHARE);
    if (!training || (live && rested)) void this.ask(chosen);
  }

  /** Asks, also where there is an answer; it stays until the new one comes. Nothing happens while one is under way. */
  async ask(chosen: Chosen): Promise<void> {
    const key = keyOf(chosen);
    if (this.#open.has(key)) return;
    const controller = new AbortController();
    this.#open.set(key, controller);
    const began = this.#now();
    this.#set(key, { ...this.known(chosen), asking: { done: 0, of: 0 }, problem: null });
    const { run, at } = chosen;
    try {
      const question = { kind: 'predictions', ...(at === undefined ? {} : { at }) } as const;
      const onProgress = (done: number, of: number): void => {
        if (!controller.signal.aborted) this.#set(key, { ...this.known(chosen), asking: { done, of } });
      };
      const answer = await this.#ask(run, question, { signal: controller.signal, onProgress });
      if (controller.signal.aborted) return;
      const predictions = { ...predictionsOf(answer.logits, answer.labels, CLASSES.length), step: answer.step };
      this.#times.set(key, { came: this.#now(), took: this.#now() - began });
      this.#set(key, { predictions, asking: null, problem: null });
      this.#forget();
    } catch (error) {
      if (controller.signal.aborted) return;
      const problem = error instanceof Error ? error.message : String(error);
      this.#set(key, { ...this.known(chosen), asking: null, problem });
    } finally {
      if (this.#open.get(key) === controller) this.#open.delete(key);
    }
  }

  /** Takes back the questions under way but those of these states; answers stay. */
  leave(but: readonly Chosen[] = []): void {
    const kept = new Set(but.map(keyOf));
    for (const [key, controller] of this.#open) {
      if (kept.has(key)) continue;
      this.#open.delete(key);
      controller.abort(new Error('The question was taken back.'));
      const known = this.#known.get(key);
      if (known) this.#set(key, { ...known, asking: null });
    }
  }

  #set(key: string, known: Known): void {
    // Last set, last forgotten.
    this.#known.delete(key);
    this.#known.set(key, known);
    for (const listener of this.#listeners) listener();
  }

  /** Lets go of the oldest answers, of which there are too many. */
  #forget(): void {
    for (const [key, { asking }] of this.#known) {
      if (this.#known.size <= MOST) return;
      if (!asking) this.#known.delete(key);
    }
  }
}
