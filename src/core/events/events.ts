import type { DensityReport } from '../density/report.ts';
import type { Structure, Widths } from '../network/index.ts';
import type { ChannelReason } from '../scheme/scheme.ts';
import type { StageReport } from '../sparsity/report.ts';
import type { Spec } from '../spec/spec.ts';

/**
 * What a run tells: an append-only log in order. The page and `result.json` are folds over it. An event of step s
 * describes the run after s updates; several events of one step follow each other in the order below, and what the user
 * changes by hand there (a fork, a setting, channels) follows those. Steps never go back, but for a `recovered` or
 * `batchHalved`, after which later steps are told anew (see `withoutUndone`).
 */
export type RunEvent =
  | StartEvent
  | StepEvent
  | DensitiesEvent
  | ChannelEvent
  | StructureEvent
  | StageEvent
  | EvaluateEvent
  | NoteEvent
  | ForkEvent
  | SettingEvent
  | RecoveredEvent
  | BatchHalvedEvent
  | StopEvent
  | FinishEvent;

export interface StartEvent {
  readonly kind: 'start';
  readonly step: 0;
  readonly spec: Spec;
  /** Updates the run will make, and updates in an epoch. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly adapter: AdapterRecord;
  /** Sizes of the dense network, as the spec names it; `prunable` lists the layers whose channels the scheme may cut, in network order. */
  readonly dense: { readonly macs: number; readonly parameters: number; readonly widths: Widths };
  readonly prunable: readonly string[];
  /** Widths of the network that is run, where it is not the dense one: all channels that there are (see `networkOf`). */
  readonly widths?: Widths;
  /** Set in a fork, whose log repeats its parent's events (but the start) up to that step, after its own start. */
  readonly parent?: ParentRecord;
}

/** The run that a fork left, and the step at which it did. */
export interface ParentRecord {
  readonly name: string;
  readonly step: number;
}

export interface AdapterRecord {
  readonly backend: 'webgpu' | 'tfjs';
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
}

/** The layer-wise densities that the start follows from. */
export interface DensitiesEvent {
  readonly kind: 'densities';
  readonly step: number;
  readonly report: DensityReport;
}

/** One training step: metrics of the forward pass that led to update `step`. */
export interface StepEvent {
  readonly kind: 'step';
  readonly step: number;
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly learningRate: number;
  /** Wall time of the step in milliseconds, averaged over the steps read back together. */
  readonly milliseconds: number;
}

/**
 * Channels of one convolution that a decision, the scheme's or the user's, switched off or on. A `prune` or
 * `crop` at step 0 is the scheme's start.
 */
export interface ChannelEvent {
  readonly kind: 'prune' | 'regrow' | 'crop';
  readonly step: number;
  readonly layer: string;
  readonly channels: readonly number[];
  /** The layer's channels after this event. */
  readonly width: number;
  readonly reasons: readonly ChannelReason[];
}

/** The structure after a decision (also one that changed nothing), with a reason for every channel weighed. */
export interface StructureEvent {
  readonly kind: 'structure';
  readonly step: number;
  readonly structure: Structure;
  readonly widths: Widths;
  readonly macs: number;
  readonly parameters: number;
  readonly reasons: readonly ChannelReason[];
  /** Milliseconds the decision and the new plan took. */
  readonly milliseconds: number;
  /** Who decided, where it was not the scheme. */
  readonly by?: 'hand';
}

/** A stage of structured sparsity, after the `structure` it left: what it did, and what that did to the network. */
export interface StageEvent {
  readonly kind: 'stage';
  readonly step: number;
  readonly report: StageReport;
  /**
   * Accuracy on the test images: before the stage, with its mask (or quantised), and with running statistics computed
   * anew (null where they were not). Nothing is chosen by it; retraining is told by the evaluations that follow.
   */
  readonly accuracy: {
    readonly before: number;
    readonly masked: number;
    readonly recalibrated: number | null;
    readonly images: number;
  };
  /** Inference of a batch before and after, measured. */
  readonly latencyMs: { readonly before: LatencyRecord; readonly after: LatencyRecord };
}

export interface EvaluateEvent {
  readonly kind: 'evaluate';
  readonly step: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
  readonly images: number;
}

/** Something worth telling that changes nothing in the run (a slower engine was taken, an evaluation was cut). */
export interface NoteEvent {
  readonly kind: 'note';
  readonly step: number;
  readonly message: string;
}

/** Here a fork leaves its parent: what follows is its own. */
export interface ForkEvent {
  readonly kind: 'fork';
  readonly step: number;
  /** What it was forked from, and what it changes. */
  readonly message: string;
}

/** The user changed how the optimiser goes on: the next update (the one counted `step` from 0) is the first to use it. */
export interface SettingEvent extends Settings {
  readonly kind: 'setting';
  readonly step: number;
  /** What held before, for the keys that change. */
  readonly from: Settings;
  readonly message: string;
}

/** What can be changed during a run. The learning rate is the schedule's peak, as in a spec. */
export interface Settings {
  readonly learningRate?: number;
  readonly weightDecay?: number;
}

/** The device was lost, and the run goes on from its last checkpoint in memory, of `step`, on a new one. */
export interface RecoveredEvent {
  readonly kind: 'recovered';
  readonly step: number;
  /** The step that the run had reached. */
  readonly from: number;
  readonly adapter: AdapterRecord;
  readonly message: string;
}

/**
 * Memory ran out: the run goes on from `step` with half the batch, bit for bit as one whose spec says so (at step 0), or
 * as a fork of its checkpoint with that change. The number of steps is that of the spec with the new batch.
 */
export interface BatchHalvedEvent {
  readonly kind: 'batchHalved';
  readonly step: number;
  /** Images in a batch before and after. */
  readonly from: number;
  readonly to: number;
  readonly steps: number;
  readonly stepsPerEpoch: number;
  readonly message: string;
}

/** The run stopped before its end; its history is kept. `message` says what happened and what to do. */
export interface StopEvent {
  readonly kind: 'diverged' | 'error';
  readonly step: number;
  readonly message: string;
}

export interface FinishEvent {
  readonly kind: 'finish';
  readonly step: number;
  readonly latencyMs: readonly LatencyRecord[];
  readonly imagesPerSecond: number;
}

export interface LatencyRecord {
  readonly batch: number;
  readonly median: number;
  readonly p95: number;
  readonly n: number;
}
