import type { RunEvent } from '../core/events/events.ts';
import { type SpecProblem, parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Pace } from '../engine/engine.ts';
import { SCHEMES } from '../schemes/index.ts';
import type { OpenedEngine } from './engines.ts';
import { Run, type RunPhase } from './run.ts';
import { rememberShards } from './shard-memory.ts';

/** Where a session stands; `loading` while a run is being opened. */
export type SessionState = RunPhase | 'loading';

/** Who listens to a session. Runs are numbered from 1; only the newest one tells events. */
export interface SessionListener {
  onState(state: SessionState): void;
  onOpened(run: number): void;
  onEvent(run: number, event: RunEvent): void;
  onData(loadedImages: number, totalImages: number): void;
  onEngine(opened: OpenedEngine): void;
  /** Memory that the open run holds on the engine. */
  onMemory(bytes: number): void;
  onProblem(message: string, problems?: readonly SpecProblem[]): void;
}

export interface SessionServices {
  /** Opens an engine: of this backend, or without a wish the best one there is. */
  openEngine(backend?: Engine['info']['backend']): Promise<OpenedEngine>;
  openData(): Promise<Cifar10>;
}

/** Milliseconds before each try to open another device: after a GPU process died, adapters come back in about 300. */
const REOPEN_AFTER = [0, 300, 1_000, 3_000] as const;

type Advance = 'step' | 'epoch' | 'decision' | 'end';

/**
 * What stands behind the page's controls: at most one open run, an engine that outlives runs (until its device is
 * lost) and the data set, which stays in memory between runs.
 */
export class Session {
  readonly #services: SessionServices;
  readonly #listener: SessionListener;
  #number = 0;
  #run: Run | null = null;
  #spec: Spec | null = null;
  #state: SessionState = 'idle';
  /** What was asked for while a run was still being opened. */
  #wanted: Advance | null = null;
  #pace: Pace = 'smooth';
  #engine: Promise<OpenedEngine> | null = null;
  #data: Promise<Cifar10> | null = null;
  /** Runs are opened and closed one after the other. */
  #opening: Promise<void> = Promise.resolve();

  constructor(services: SessionServices, listener: SessionListener) {
    this.#services = services;
    this.#listener = listener;
  }

  /** Opens a run of an unparsed spec in place of the one that is open; a spec that is refused changes nothing. */
  open(input: unknown): Promise<void> {
    const parsed = parseSpec(input, SCHEMES);
    if (parsed.ok) return this.#replace(parsed.spec);
    const [first] = parsed.problems;
    this.#listener.onProblem(first?.message ?? 'The spec cannot be used.', parsed.problems);
    return Promise.resolve();
  }

  /** Starts the open run again from its beginning. */
  reset(): Promise<void> {
    return this.#spec ? this.#replace(this.#spec) : Promise.resolve();
  }

  run(): void {
    this.#advance('end');
  }

  advance(to: 'step' | 'epoch' | 'decision'): void {
    this.#advance(to);
  }

  pause(): void {
    this.#wanted = null;
    this.#run?.pause();
  }

  setPace(pace: Pace): void {
    this.#pace = pace;
    this.#run?.setPace(pace);
  }

  #advance(to: Advance): void {
    if (this.#state === 'loading') this.#wanted = to;
    else if (to === 'end') void this.#run?.run();
    else void this.#run?.advance(to);
  }

  #replace(spec: Spec): Promise<void> {
    const number = ++this.#number;
    const old = this.#run;
    this.#run = null;
    this.#spec = spec;
    this.#wanted = null;
    this.#setState('loading');
    this.#listener.onOpened(number);
    const before = this.#opening;
    this.#opening = (async () => {
      await before;
      await old?.dispose();
      if (number === this.#number) await this.#open(number, spec);
    })();
    return this.#opening;
  }

  async #open(number: number, spec: Spec): Promise<void> {
    const current = (): boolean => number === this.#number;
    let run: Run | null = null;
    try {
      run = new Run(spec, {
        onEvent: (event) => current() && this.#listener.onEvent(number, event),
        onPhase: (phase) => current() && this.#setState(phase),
        onData: (loaded, total) => current() && this.#listener.onData(loaded, total),
        onMemory: (bytes) => current() && this.#listener.onMemory(bytes),
      });
      const [{ engine, reason }, cifar] = await Promise.all([this.#openEngine(), this.#openData()]);
      const reopen = (failed: Engine): Promise<Engine> => this.#reopenEngine(failed);
      await run.open(engine, cifar, { reopen, ...(reason === undefined ? {} : { note: reason }) });
    } catch (error) {
      await run?.dispose();
      if (!current()) return;
      this.#listener.onProblem(error instanceof Error ? error.message : String(error));
      this.#setState('error');
      return;
    }
    if (!current()) return run.dispose();
    this.#run = run;
    run.setPace(this.#pace);
    this.#setState(run.phase);
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted) this.#advance(wanted);
  }

  /**
   * An engine in place of one whose device was lost or is full. Of the same kind: to go on with a slower one, or other
   * bits, is for the user to choose.
   */
  async #reopenEngine(failed: Engine): Promise<Engine> {
    if ((await this.#engine?.catch(() => null))?.engine === failed) this.#engine = null;
    failed.dispose();
    for (const wait of REOPEN_AFTER) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const opened = await this.#openEngine(failed.info.backend).catch((error: unknown) => {
        if (wait === REOPEN_AFTER.at(-1)) throw error;
        return null;
      });
      if (opened) return opened.engine;
    }
    throw new Error('No other device could be opened.');
  }

  /** The engine that is open, or a fresh one; a lost device makes the next run ask again. */
  #openEngine(backend?: Engine['info']['backend']): Promise<OpenedEngine> {
    if (this.#engine) return this.#engine;
    const opening = this.#services.openEngine(backend);
    this.#engine = opening;
    const forget = (): void => {
      if (this.#engine === opening) this.#engine = null;
    };
    opening.then((opened) => {
      this.#listener.onEngine(opened);
      void opened.engine.lost.then(() => {
        forget();
        opened.engine.dispose();
      });
    }, forget);
    return opening;
  }

  #openData(): Promise<Cifar10> {
    if (this.#data) return this.#data;
    const opening = this.#services.openData().then(rememberShards);
    this.#data = opening;
    opening.catch(() => (this.#data = null));
    return opening;
  }

  #setState(state: SessionState): void {
    this.#state = state;
    this.#listener.onState(state);
  }
}
