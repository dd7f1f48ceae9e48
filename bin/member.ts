import type { RunEvent } from '../src/core/events/events.ts';
import type { SchemeProgress } from '../src/core/scheme/scheme.ts';
import type { Spec } from '../src/core/spec/spec.ts';
import type { DataPool } from '../src/lab/data-pool.ts';
import { adapterOf } from '../src/lab/recovery.ts';
import { Run } from '../src/lab/run.ts';
import type { Turns } from '../src/lab/turns.ts';
import { InputError, NoAdapterError, sentenceOf } from './around.ts';
import { type Device, lacksStorage } from './device.ts';
import { Keeper, type Unfinished, type WrittenResult, endOf, stopMessage } from './run-folder.ts';

/** How a run of a command ended; `message` is a sentence. */
export type Outcome =
  | { readonly kind: 'done'; readonly result: WrittenResult }
  | { readonly kind: 'diverged' | 'failed'; readonly result: WrittenResult; readonly message: string }
  /** `step`: of the checkpoint that was written; null when there was nothing to write yet. */
  | { readonly kind: 'interrupted'; readonly step: number | null };

export interface MemberOptions {
  /** Seconds of running between two checkpoints on disk. */
  readonly keepEvery: number;
  /** Whether to write `recording.json` as well. */
  readonly record: boolean;
  /** From where to go on. */
  readonly unfinished: Unfinished | null;
  readonly onEvent: (event: RunEvent) => void;
  readonly onSchemeProgress: (progress: SchemeProgress | null) => void;
}

/** What the runs of a race share. */
export interface Shared {
  readonly turns: Turns;
  readonly pool: DataPool;
}

export const SECONDS_BETWEEN_CHECKPOINTS = 60;

/** One run with its folder, which holds at any time what it takes to go on after the process died. */
export class Member {
  readonly #run: Run;
  readonly #keeper: Keeper;
  readonly #options: MemberOptions;
  /** All that the run has told, what it told before it was resumed included. */
  readonly #events: RunEvent[];
  #began = performance.now();
  #kept = performance.now();

  /** Throws an InputError when the scheme cannot meet what the spec asks. */
  constructor(spec: Spec, folder: string, options: MemberOptions) {
    const { unfinished } = options;
    this.#options = options;
    this.#events = [...(unfinished?.events ?? [])];
    // A batch that was halved for lack of memory stays so.
    this.#run = planned(unfinished?.checkpoint.spec ?? spec, {
      onEvent: (event) => this.#observe(event),
      onSchemeProgress: (progress) => options.onSchemeProgress(progress),
    });
    this.#keeper = new Keeper(folder);
  }

  /** Steps that the run takes, and those made when it was resumed. */
  get length(): { readonly steps: number; readonly made: number } {
    return { steps: this.#run.plan.steps, made: this.#options.unfinished?.checkpoint.trainer.step ?? 0 };
  }

  /**
   * Runs to the end, or until stopped. Throws what keeps the run from being opened, having changed nothing in its folder.
   */
  async drive(device: Device, stop: AbortSignal, shared?: Shared): Promise<Outcome> {
    const run = this.#run;
    let opened = false;
    const halt = (): void => (opened ? run.pause() : void run.dispose());
    stop.addEventListener('abort', halt);
    try {
      if (stop.aborted) return { kind: 'interrupted', step: null };
      try {
        await this.#open(device, stop, shared);
      } catch (error) {
        if (stop.aborted) return { kind: 'interrupted', step: null };
        throw error;
      }
      opened = true;
      return await this.#toTheEnd(stop);
    } finally {
      stop.removeEventListener('abort', halt);
      await run.dispose();
      await this.#keeper.close();
    }
  }

  async #open(device: Device, stop: AbortSignal, shared: Shared | undefined): Promise<void> {
    const { unfinished } = this.#options;
    const [{ engine, reason }, data] = await unlessStopped(Promise.all([device.engine(), device.data()]), stop);
    const { spec } = this.#run;
    this.#began = performance.now();
    try {
      await this.#run.open(engine, data, {
        ...(unfinished ? { resume: unfinished.checkpoint } : {}),
        ...(reason === undefined ? {} : { note: reason }),
        ...shared,
        reopen: device.reopen(() => shared !== undefined),
      });
    } catch (error) {
      throw lacksStorage(engine, spec.train.storage) ? new NoAdapterError(sentenceOf(error), { cause: error }) : error;
    }
    await this.#keeper.begin(unfinished);
    if (unfinished) this.#observe(resumedNote(unfinished, adapterOf(engine).description));
    this.#kept = performance.now();
  }

  async #toTheEnd(stop: AbortSignal): Promise<Outcome> {
    const run = this.#run;
    // A process that died between the last checkpoint and the result had nothing left to train.
    while (!this.#events.some(({ kind }) => kind === 'finish')) {
      if (!stop.aborted) await run.run();
      if (run.phase === 'error') return this.#stopped();
      await this.#keep();
      if (stop.aborted && run.phase !== 'done') return { kind: 'interrupted', step: run.step };
    }
    return { kind: 'done', result: await this.#end() };
  }

  async #stopped(): Promise<Outcome> {
    const result = await this.#end();
    const kind = endOf(result) === 'diverged' ? 'diverged' : 'failed';
    return { kind, result, message: stopMessage(result.events) ?? 'The run failed.' };
  }

  #end(): Promise<WrittenResult> {
    return this.#keeper.end(this.#events, this.#seconds, this.#options.record);
  }

  async #keep(): Promise<void> {
    await this.#keeper.keep(await this.#run.checkpoint(), this.#events, this.#seconds);
    this.#kept = performance.now();
  }

  /** Seconds that the run has taken so far, from its first opening on. */
  get #seconds(): number {
    return (this.#options.unfinished?.seconds ?? 0) + (performance.now() - this.#began) / 1_000;
  }

  #observe(event: RunEvent): void {
    this.#events.push(event);
    this.#options.onEvent(event);
    // Between two steps a pause costs nothing, where one in the middle of a decision would have it made again.
    const due = performance.now() - this.#kept >= 1_000 * this.#options.keepEvery;
    if (event.kind === 'step' && due) this.#run.pause();
  }
}

/** The same, but not waited for once everything is to stop. */
function unlessStopped<T>(promise: Promise<T>, stop: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    stop.addEventListener('abort', () => reject(new Error('Interrupted.')), { once: true });
    promise.then(resolve, reject);
  });
}

function planned(...args: ConstructorParameters<typeof Run>): Run {
  try {
    return new Run(...args);
  } catch (error) {
    throw new InputError([sentenceOf(error)]);
  }
}

/** Throws an InputError when the spec's scheme cannot meet what it asks. */
export const checkPlan = (spec: Spec): void => void planned(spec, { onEvent: () => undefined });

function resumedNote({ checkpoint }: Unfinished, adapter: string): RunEvent {
  const { step } = checkpoint.trainer;
  const before = checkpoint.adapter.description;
  const other = before === adapter ? '' : ` on ${adapter}, where its bits may differ: until here it ran on ${before}`;
  return { kind: 'note', step, message: `Resumed at step ${step}${other}.` };
}
