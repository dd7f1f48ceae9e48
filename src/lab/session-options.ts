import type { RunEvent } from '../core/events/events.ts';
import type { Structure } from '../core/network/index.ts';
import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { SpecProblem } from '../core/spec/parse.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import type { OpenedEngine } from './engines.ts';
import type { RunPhase } from './run-options.ts';

/** Where a run, or all of them together, stands; `loading` while being opened. */
export type SessionState = RunPhase | 'loading';

/** Who listens to a session. Runs go by the numbers they were opened with. */
export interface SessionListener {
  /** Of all runs together. */
  onState(state: SessionState): void;
  onRunState(run: number, state: SessionState): void;
  onEvent(run: number, event: RunEvent): void;
  /** Steps of a run that can be forked from. */
  onSnapshots(run: number, steps: readonly number[]): void;
  /** A checkpoint that a run took in memory, worth keeping; `events`: how many the run had told before, all counted. */
  onCheckpoint?(run: number, checkpoint: RunCheckpoint, events: number): void;
  /** A run was closed: it tells nothing more. */
  onClosed?(run: number): void;
  /** How far a run's scheme is with what it computes between two steps; null when it is through or was interrupted. */
  onSchemeProgress(run: number, progress: SchemeProgress | null): void;
  onData(loadedImages: number, totalImages: number): void;
  onEngine(opened: OpenedEngine): void;
  /** Memory that the runs hold on the engine together. */
  onMemory(bytes: number): void;
  /** A refusal or failure; of one run when it has a number. */
  onProblem(message: string, problems?: readonly SpecProblem[], run?: number): void;
}

export interface SessionServices {
  /** Opens an engine: of this backend, or without a wish the best one there is. */
  openEngine(backend?: Engine['info']['backend']): Promise<OpenedEngine>;
  openData(): Promise<Cifar10>;
}

/** A run to open: its number, which must be new, and its unparsed spec. */
export interface RunRequest {
  readonly run: number;
  readonly spec: unknown;
}

export interface ForkRequest extends RunRequest {
  readonly from: { readonly run: number; readonly step: number };
  /** Kept channels by group, switched by hand. */
  readonly channels?: Structure['channels'];
  /** Kept taps by convolution, chosen by hand. */
  readonly taps?: Structure['taps'];
}

/** What a run goes on from. */
export interface Resumption {
  readonly checkpoint: RunCheckpoint;
  /** All it told before. */
  readonly events: readonly RunEvent[];
}

export interface ResumeRequest extends RunRequest {
  /** Rejects with a sentence when it cannot be had. */
  load(): Promise<Resumption>;
}

/** Where runs stand together: as those that have not ended do. */
export function together(states: readonly SessionState[]): SessionState {
  const some = (state: SessionState): boolean => states.includes(state);
  if (some('running')) return 'running';
  if (some('loading')) return 'loading';
  if (some('paused')) return 'paused';
  if (some('idle')) return some('done') ? 'paused' : 'idle';
  if (some('done')) return 'done';
  return states.length > 0 ? 'error' : 'idle';
}
