import type { Network, Structure, Tensors } from '../core/network/index.ts';
import type { UpdateRule } from '../core/scheme/rules.ts';

export type { Penalty, UpdateRule } from '../core/scheme/rules.ts';

/**
 * The seam between the lab and whatever does the arithmetic. Two engines implement it: `webgpu` (our WGSL kernels) and
 * `tfjs` (stock ops: the oracle of the tests and the fallback). Both promise the same:
 *
 * - which images, crops and flips a step uses depends on (seed, step) alone, so engines and schemes see equal batches;
 * - the engine trains the compact network; pruned channels keep their most recently used values in full-size stores;
 * - tensors that cross the seam are full-size (`read`, `write`, `gradients`), layouts as in core/network;
 * - trainers of one engine may share the memory that they compute in: a call that needs it waits until the one before it,
 *   of whichever trainer, is done; so interleaving trainers never changes what any of them computes;
 * - every promise rejects with an Error whose message is a sentence a user can act on.
 */
export interface Engine {
  readonly info: EngineInfo;
  /** Makes room for a data set; images arrive later by `EngineData.write`. */
  openData(layout: DataLayout): EngineData;
  open(network: Network, structure: Structure, parameters: Tensors, options: TrainerOptions): Promise<Trainer>;
  /**
   * Bytes of GPU (or backend) memory held by the data sets and trainers of this engine. Memory that trainers share counts
   * once.
   */
  readonly bytes: number;
  /** Resolves with a sentence when the device is lost; never rejects. */
  readonly lost: Promise<string>;
  dispose(): void;
}

/** There is no memory left for what was asked. The message is a sentence; the lab adds what to lower. */
export class OutOfMemoryError extends Error {
  constructor(message = 'The graphics adapter has no memory left for this run.') {
    super(message);
  }
}

export interface EngineInfo {
  readonly backend: 'webgpu' | 'tfjs';
  readonly adapter: AdapterName;
  /** Features in use, such as `subgroups`. */
  readonly features: readonly string[];
  /** Kernel variants in use, as JSON; missing where there is no choice (tfjs). */
  readonly variants?: string;
}

export interface AdapterName {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
}

export type Split = 'train' | 'holdOut' | 'test';

/** Images of each split. `train` and `holdOut` are disjoint slices of the training set. */
export type DataLayout = Readonly<Record<Split, number>>;

/** The data set as the engine holds it (on the GPU: bytes in a buffer). Shared by the trainers of a race. */
export interface EngineData {
  readonly layout: DataLayout;
  /** Bytes of GPU (or backend) memory held; missing where the images lie in ordinary memory. */
  readonly bytes?: number;
  /** Resolves when there is room for the images, or rejects with an OutOfMemoryError. */
  readonly allocated?: Promise<unknown>;
  /**
   * Stores images of one split from index `first` on. `pixels`: 3,072 bytes an image, 32x32 rows of RGB (HWC);
   * `labels`: one byte an image.
   */
  write(split: Split, first: number, pixels: Uint8Array, labels: Uint8Array): void;
  dispose(): void;
}

/** Augmentations of a training batch. */
export interface Augment {
  /** Random shift of up to 4 pixels each way, zeros shifted in (after normalising). */
  readonly crop: boolean;
  /** Mirror half of the images. */
  readonly flip: boolean;
}

/**
 * How activations and their gradients lie in memory. `f16` halves what training moves and holds; all arithmetic, the
 * parameters and their gradients, momentum and statistics stay f32.
 */
export const STORAGE_TYPES = ['f32', 'f16'] as const;
export type StorageType = (typeof STORAGE_TYPES)[number];

export interface TrainerOptions {
  readonly data: EngineData;
  readonly seed: number;
  readonly batchSize: number;
  readonly augment: Augment;
  readonly labelSmoothing: number;
  /**
   * Training-set indices of a step's images, `batchSize` of them; a function of the step alone (data/order.ts).
   * Steps count from 0: step s turns the parameters after s updates into those after s + 1.
   */
  readonly batch: (step: number) => Uint32Array;
  /**
   * Default f32. Probes (`gradients`, `activations`) compute in f32 whatever this says. Opening a trainer rejects with a
   * sentence where the engine or its adapter cannot store f16.
   */
  readonly storage?: StorageType;
  /** `masked` runs the full-size network with pruned entries at zero: the reference for `compact`, the default. */
  readonly execution?: 'compact' | 'masked';
}

/** What the optimiser uses in one step (SGD with momentum; weight decay on kernels only). */
export interface Hyper {
  readonly learningRate: number;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
}

/** Metrics of consecutive training steps, measured during the forward pass of each. */
export interface StepMetrics {
  readonly firstStep: number;
  /** Mean cross-entropy of each step's batch (label smoothing included). */
  readonly loss: Float32Array;
  /** Share of each step's batch classified correctly. */
  readonly accuracy: Float32Array;
}

export interface EvalMetrics {
  /** Mean cross-entropy, without label smoothing. */
  readonly loss: number;
  readonly accuracy: number;
  readonly images: number;
}

export interface Latency {
  readonly batch: number;
  /** Milliseconds for one batch through the compact network, inference only. */
  readonly median: number;
  readonly p95: number;
  /** Samples taken. */
  readonly n: number;
}

/** How long a latency is measured. */
export interface LatencyOptions {
  /** Samples to take. Default 20. */
  readonly samples?: number;
  /** Milliseconds after which no sample follows the third. Default 3,000. */
  readonly longest?: number;
  /** Hears every sample, in milliseconds a batch. */
  readonly onSample?: (milliseconds: number) => void;
}

/** What a gradient or an activation is computed on. */
export type ProbeInputs =
  /** The images of a training step, augmented as in training. */
  | { readonly step: number }
  /** Raw images (3,072 bytes each) with one label a piece, not augmented. */
  | { readonly pixels: Uint8Array; readonly labels: Uint8Array }
  /** One image whose normalised values are all 1 (SynFlow). */
  | 'ones';

/**
 * A gradient without an update: nothing that is trained changes, running statistics neither. The defaults are what a
 * training step computes. SNIP asks for given images; SynFlow for `inputs: 'ones'`, `loss: 'sumOfLogits'`,
 * `parameters: 'absolute'`, `batchNorm: 'running'` and `rescale`; GraSP for `logitDivisor: 200`.
 */
export interface GradientRequest {
  readonly inputs: ProbeInputs;
  /** Mean cross-entropy over the batch (with the label smoothing of training), or the plain sum of all logits. */
  readonly loss?: 'crossEntropy' | 'sumOfLogits';
  /** `absolute`: every tensor (running statistics too) is replaced by its absolute values for this request. */
  readonly parameters?: 'asIs' | 'absolute';
  /** Norms use the batch's statistics, or the running ones as constants. */
  readonly batchNorm?: 'batch' | 'running';
  /** The loss sees logits divided by this. Default 1. */
  readonly logitDivisor?: number;
  /**
   * Divides activations by a power of two near their largest magnitude at nodes that every path crosses, so that deep
   * networks do not overflow. The factors count as constants: all gradients are multiplied by the same number.
   */
  readonly rescale?: boolean;
}

export interface Gradients {
  /** With `rescale` this too is the rescaled one. */
  readonly loss: number;
  /** Gradient of every trained tensor, full-size; zero for pruned entries. */
  readonly tensors: Tensors;
  /** Base-2 logarithm of what `rescale` divided by in all; 0 without. */
  readonly log2Scale: number;
}

/** Reads what nodes compute (and what the loss's gradient is there). Same defaults as a gradient request. */
export interface ActivationRequest {
  readonly inputs: ProbeInputs;
  /** Ids of nodes of the network. */
  readonly nodes: readonly string[];
  readonly batchNorm?: 'batch' | 'running';
  /** Also return the gradient of the mean cross-entropy with respect to each node's output. */
  readonly gradients?: boolean;
}

/** One node's output over a batch: [images, height, width, channels] of the running (compact) network. */
export interface Activation {
  readonly shape: readonly [images: number, height: number, width: number, channels: number];
  readonly values: Float32Array;
  /** Same shape; null unless asked for. */
  readonly gradient: Float32Array | null;
}

export interface Checkpoint {
  readonly step: number;
  readonly structure: Structure;
  /** Full-size parameters and running statistics; pruned entries are their most recently used values. */
  readonly parameters: Tensors;
  /** Full-size momentum of the trained tensors; zero for pruned entries. */
  readonly momentum: Tensors;
  /**
   * Kernel variants that trained it, as JSON: others add in another order. A trainer that restores it goes on with them,
   * where its adapter can, but stores activations as its own options say. Missing where there is no choice (tfjs).
   */
  readonly variants?: string;
}

/**
 * `smooth` keeps single submissions short so that a page on the same GPU stays responsive; `full` uses the longest.
 */
export type Pace = 'smooth' | 'full';

export interface Trainer {
  /** Updates made so far. */
  readonly step: number;
  readonly structure: Structure;
  /**
   * Bytes of GPU (or backend) memory held by this trainer. Memory that it shares with other trainers of the engine counts in
   * each of them, and once in `Engine.bytes`.
   */
  readonly bytes: number;
  setPace(pace: Pace): void;
  /** Trains `steps` steps. `hyperAt` is asked once for each absolute step. */
  train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics>;
  /** Running statistics, no augmentation; the first `limit` images of the split (default all). */
  evaluate(split: Split, limit?: number): Promise<EvalMetrics>;
  /** Full-size tensors; pruned entries are their most recently used values. Default: all tensors. */
  read(names?: readonly string[]): Promise<Tensors>;
  /** Overwrites full-size tensors, kept and pruned entries alike. Momentum is untouched. */
  write(tensors: Tensors): Promise<void>;
  /**
   * Sets the running statistics of every batch norm to the mean of the batch statistics of these training steps
   * (augmented as in training). Nothing else changes.
   */
  recalibrate(steps: readonly number[]): Promise<void>;
  gradients(request: GradientRequest): Promise<Gradients>;
  activations(request: ActivationRequest): Promise<ReadonlyMap<string, Activation>>;
  /**
   * Rules of the update by tensor name; replaces all earlier ones. Masks take effect at once, on values and momentum.
   * They survive a change of structure; a checkpoint does not hold them (schemes set them again on resume).
   */
  setRules(rules: ReadonlyMap<string, UpdateRule>): Promise<void>;
  /** Scatters to the stores, gathers for the new structure. Entries that come back start with zero momentum. */
  restructure(structure: Structure): Promise<void>;
  /** Logits [images, classes] of raw images (3,072 bytes each), running statistics. */
  predict(pixels: Uint8Array): Promise<Float32Array>;
  /** Inference latency of the compact network at a batch size, after warming up. */
  latency(batch: number, options?: LatencyOptions): Promise<Latency>;
  checkpoint(): Promise<Checkpoint>;
  restore(checkpoint: Checkpoint): Promise<void>;
  dispose(): void;
}

/** By these every engine normalises. */
export { CHANNEL_DEVIATION, CHANNEL_MEAN } from '../core/network/index.ts';
export const CROP_PADDING = 4;
