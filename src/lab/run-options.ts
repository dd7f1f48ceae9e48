import type { RunEvent } from '../core/events/events.ts';
import type { Structure } from '../core/network/index.ts';
import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import type { DataPool } from './data-pool.ts';
import type { Reopen } from './recovery.ts';
import type { Turns } from './turns.ts';

/** Where a run stands: `idle` before its first step, `done` and `error` for good. */
export type RunPhase = 'idle' | 'running' | 'paused' | 'done' | 'error';

export interface RunListener {
  onEvent(event: RunEvent): void;
  onPhase?(phase: RunPhase): void;
  onData?(loadedImages: number, totalImages: number): void;
  /** Memory that the run holds on its engine; told when it changes. */
  onMemory?(bytes: number): void;
  /** How far the scheme is with what it computes between two steps; null when it is through or was interrupted. */
  onSchemeProgress?(progress: SchemeProgress | null): void;
  /** Steps that can be forked from, when they change. */
  onSnapshots?(steps: readonly number[]): void;
  /**
   * A checkpoint that the run takes in memory anyway, to go back to: now and then, where it pauses, and at its end before
   * it is done. `events`: how many this run had told before it was taken. Not to be changed.
   */
  onCheckpoint?(checkpoint: RunCheckpoint, events: number): void;
}

export interface OpenOptions {
  /** Goes on from here instead of from the beginning; its events are not told again. */
  readonly resume?: RunCheckpoint;
  /** Something about the engine that belongs in the history, such as why a slower one was taken. */
  readonly note?: string;
  /** Lets the run go on when its device is lost, which ends it otherwise, and empties one that is full. */
  readonly reopen?: Reopen;
  /** Those of a race take turns on the engine and share their images. */
  readonly turns?: Turns;
  readonly pool?: DataPool;
  /** Keeps checkpoints in memory to fork from. */
  readonly snapshots?: boolean;
  /** The run is a fork: where it goes on from `resume`, these changes are made once. */
  readonly fork?: ForkChanges;
}

export interface ForkChanges {
  /** Kept channels by group, switched by hand. */
  readonly channels?: Structure['channels'];
  /** Kept taps by convolution, chosen by hand: in place of what these keep. */
  readonly taps?: Structure['taps'];
  /** Whether its scheme (or the scheme's options) is another than its parent's. */
  readonly scheme?: boolean;
}
