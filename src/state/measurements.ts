import { type Structure, structureKey } from '../core/network/index.ts';
import type { Answer, Asking, Question, Speed } from '../core/questions/questions.ts';

/** What is to be measured of a run. */
export interface Job {
  readonly run: number;
  /** Structures with the step at which the run has each; `dense` is the network that its spec names. */
  readonly structures: readonly { readonly structure: Structure | 'dense'; readonly step: number }[];
  readonly batches: readonly number[];
  /** Whether training steps are timed too. */
  readonly training: boolean;
}

/** How fast a run's network is in one structure, as measured here. */
export interface Measured extends Speed {
  /** Counts what was measured together, by turns: only that is to be compared. */
  readonly session: number;
  /** Of the structure. */
  readonly key: string;
  /** A step at which the run had the structure. */
  readonly step: number;
  /** Images in a training step. */
  readonly batchSize: number;
  readonly adapter: string;
}

/** How far a measurement is; replaced whole when it changes. */
export interface MeasuringState {
  /** What is measured now; null: nothing. */
  readonly busy: {
    readonly run: number;
    /** From 0 to 1, of all jobs together. */
    readonly progress: number;
    /** Of how many jobs it is which, from 1. */
    readonly job: number;
    readonly jobs: number;
  } | null;
  /** Why the last one came to nothing, by run; a cancelled one tells nothing. */
  readonly problems: ReadonlyMap<number, string>;
  /** Changes with every result. */
  readonly version: number;
}

type Ask = (run: number, question: Question<'measure'>, asking?: Asking) => Promise<Answer<'measure'>>;

const DENSE = 'dense';

/**
 * Speeds that were measured on this page, by run and structure. Whoever shows them need not stay until they are there:
 * a measurement goes on by itself until it is cancelled.
 */
export class Measurements {
  readonly #found = new Map<number, Map<string, Measured>>();
  readonly #listeners = new Set<() => void>();
  #state: MeasuringState = { busy: null, problems: new Map(), version: 0 };
  #controller: AbortController | null = null;
  #sessions = 0;

  constructor(readonly ask: Ask) {}

  get state(): MeasuringState {
    return this.#state;
  }

  /** Calls back whenever the state changes, until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** What is known of a structure of a run, or of its key; `dense` is the key of the dense network. */
  of(run: number, structure: Structure | string): Measured | undefined {
    return this.#found.get(run)?.get(typeof structure === 'string' ? structure : structureKey(structure));
  }

  /** The dense network and another structure of a run, the last that were measured together; `key`: of which structure. */
  pair(run: number, key?: string): { readonly dense: Measured; readonly now: Measured } | null {
    const dense = this.of(run, DENSE);
    if (!dense) return null;
    const together = [...(this.#found.get(run)?.values() ?? [])].filter(
      (one) => one.session === dense.session && one.key !== DENSE && (key === undefined || one.key === key),
    );
    const now = together.at(-1);
    return now ? { dense, now } : null;
  }

  /**
   * Measures jobs one after the other; resolves when all are done, cancelled or failed (which `state` tells). While one
   * is under way another call does nothing.
   */
  async measure(jobs: readonly Job[]): Promise<void> {
    if (this.#controller) return;
    const controller = new AbortController();
    this.#controller = controller;
    this.#set({ problems: new Map() });
    for (const [index, job] of jobs.entries()) {
      if (controller.signal.aborted) break;
      const tell = (share: number): void => {
        if (this.#controller !== controller) return;
        const progress = (index + share) / jobs.length;
        this.#set({ busy: { run: job.run, progress, job: index + 1, jobs: jobs.length } });
      };
      tell(0);
      try {
        await this.#do(job, controller.signal, tell);
      } catch (error) {
        if (controller.signal.aborted) break;
        const message = error instanceof Error ? error.message : String(error);
        this.#set({ problems: new Map([...this.#state.problems, [job.run, message]]) });
      }
    }
    if (this.#controller !== controller) return;
    this.#controller = null;
    this.#set({ busy: null });
  }

  /** Takes back what is being measured; what is there already stays. */
  cancel(): void {
    this.#controller?.abort(new Error('The measurement was cancelled.'));
    this.#controller = null;
    this.#set({ busy: null });
  }

  async #do({ run, structures, batches, training }: Job, signal: AbortSignal, tell: (share: number) => void) {
    const wanted = new Map(
      structures.map((one) => [one.structure === DENSE ? DENSE : structureKey(one.structure), one] as const),
    );
    const { speeds, batchSize, adapter } = await this.ask(
      run,
      { kind: 'measure', structures: [...wanted.values()].map(({ structure }) => structure), batches, training },
      { signal, onProgress: (done, of) => tell(of > 0 ? done / of : 0) },
    );
    // An answer that was under way when it was taken back.
    if (signal.aborted) return;
    const session = ++this.#sessions;
    const found = this.#found.get(run) ?? new Map<string, Measured>();
    this.#found.set(run, found);
    [...wanted].forEach(([key, { step }], index) => {
      const speed = speeds[index];
      if (!speed) return;
      // The newest stand last.
      found.delete(key);
      found.set(key, { ...speed, session, key, step, batchSize, adapter });
    });
    this.#set({ version: this.#state.version + 1 });
  }

  #set(change: Partial<MeasuringState>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}
