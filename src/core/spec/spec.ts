import type { OptionValues } from './options.ts';

/**
 * What to run, as JSON (DESIGN section 9). `SpecInput` is what a user writes: everything but `version`, `model.id` and
 * `scheme.id` may be left out. `Spec` is the same with every default filled in; parsing a `Spec` gives itself.
 */
export interface Spec {
  readonly version: 1;
  readonly name: string;
  readonly seed: number;
  readonly model: { readonly id: string; readonly width: number };
  readonly data: DataSpec;
  readonly train: TrainSpec;
  readonly scheme: SchemeSpec;
}

export interface DataSpec {
  /** Training images used, the held-out ones included. */
  readonly train: number;
  readonly test: number;
  /** Images at the end of the `train` slice that are never trained on, for schemes that must measure. */
  readonly holdOut: number;
}

export interface TrainSpec {
  /** Exactly one of `steps` and `epochs`; an epoch drops the last, incomplete batch. */
  readonly steps?: number;
  readonly epochs?: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly schedule: 'cosine' | 'constant';
  /** Share of the steps over which the learning rate rises linearly from 0. */
  readonly warmup: number;
  readonly labelSmoothing: number;
  readonly augment: readonly ('crop' | 'flip')[];
  /** How activations and their gradients lie in memory: f16 halves them, where the adapter can. Arithmetic stays f32. */
  readonly storage: 'f32' | 'f16';
  /** Steps between evaluations on the test images; one always happens at the end. */
  readonly evaluateEvery: number;
}

export type BudgetKind = 'channels' | 'parameters' | 'macs';

/** Share of the dense network's prunable channels, parameters or MACs to keep, more than 0, at most 1. */
export interface Budget {
  readonly kind: BudgetKind;
  readonly keep: number;
}

/** The scheme's own options stand beside `id` and `budget`. Schemes without a budget (dense) have none. */
export type SchemeSpec = { readonly id: string; readonly budget?: Budget | readonly Budget[] } & OptionValues;

/** The budgets of a scheme as a list, empty without any. */
export const budgetsOf = (budget: Budget | readonly Budget[] | undefined): readonly Budget[] =>
  budget === undefined ? [] : 'kind' in budget ? [budget] : budget;

/** Training steps in an epoch. */
export const stepsPerEpoch = (spec: Pick<Spec, 'data' | 'train'>): number =>
  Math.floor((spec.data.train - spec.data.holdOut) / spec.train.batchSize);

/** Steps over which the learning rate rises. */
export const warmupSteps = (spec: Pick<Spec, 'data' | 'train'>): number =>
  Math.round(spec.train.warmup * totalSteps(spec));

/** Training steps of the whole run. */
export const totalSteps = (spec: Pick<Spec, 'data' | 'train'>): number =>
  spec.train.steps ?? (spec.train.epochs ?? 0) * stepsPerEpoch(spec);
