import type { LatencyRecord, RunEvent } from '../events/events.ts';
import type { Network, Structure, Tensors } from '../network/index.ts';
import type { Quantiser } from '../quantise/index.ts';
import type { Spec } from '../spec/spec.ts';

export type RawBytes = Uint8Array<ArrayBuffer>;
/** Raw images: 3,072 bytes each (32x32 rows of RGB, HWC). */
export type RawPixels = RawBytes;

/** Which state of a run is meant: that of a kept checkpoint, taken before what was due at its step, or how it stands now. */
export interface Moment {
  /** Step of a checkpoint that is kept in memory (a lane's `snapshots`). Without: now. */
  readonly at?: number;
}

/** How fast a network runs in one structure. */
export interface Speed {
  /** Inference of the compact network, for each batch size asked. */
  readonly latencyMs: readonly LatencyRecord[];
  /** Training images a second: the batch over the median time of a step; null where that was not asked. */
  readonly imagesPerSecond: number | null;
  /** Steps timed. */
  readonly steps: number;
}

/** What is computed at which step of which structure; `step` counts updates made. */
interface Standing {
  readonly step: number;
  readonly structure: Structure;
}

/**
 * What can be asked about an open run, and the answer. None changes what the run computes: an answer that needs the
 * trainer comes between two steps.
 */
export interface Questions {
  /**
   * How fast its network infers and (unless `training` is false) trains in each of these structures, measured by turns.
   * `dense` is the network that the spec names, whole.
   */
  measure: {
    question: {
      readonly structures: readonly (Structure | 'dense')[];
      readonly batches: readonly number[];
      readonly training?: boolean;
    };
    answer: { readonly speeds: readonly Speed[]; readonly batchSize: number; readonly adapter: string };
  };
  /** Full-size tensors by name; default all. Pruned entries are their most recently used values. */
  tensors: {
    question: Moment & { readonly names?: readonly string[] };
    answer: Standing & { readonly tensors: Tensors };
  };
  /** What nodes of the network compute of images: [images, height, width, kept channels], running statistics. */
  activations: {
    question: Moment & { readonly pixels: RawPixels; readonly nodes: readonly string[] };
    answer: Standing & {
      readonly activations: ReadonlyMap<
        string,
        { readonly shape: readonly [number, number, number, number]; readonly values: Float32Array }
      >;
    };
  };
  /** Logits [images, classes] of images of one's own. */
  predict: {
    question: Moment & { readonly pixels: RawPixels };
    answer: Standing & { readonly logits: Float32Array };
  };
  /** Logits [images, classes] of the run's test images, all at one step, and what they show. */
  predictions: {
    question: Moment;
    answer: Standing & { readonly logits: Float32Array; readonly labels: Uint8Array };
  };
  /** Pixels of test images, by their index among the run's test images. */
  testImages: {
    question: { readonly indices: readonly number[] };
    answer: { readonly pixels: RawPixels; readonly labels: Uint8Array };
  };
  /** All that an export needs. */
  model: {
    question: Moment;
    answer: Standing & {
      readonly network: Network;
      readonly tensors: Tensors;
      readonly quantisers: ReadonlyMap<string, Quantiser>;
    };
  };
}

export type QuestionKind = keyof Questions;

export type Question<Kind extends QuestionKind = QuestionKind> = {
  [K in Kind]: { readonly kind: K } & Questions[K]['question'];
}[Kind];

export type Answer<Kind extends QuestionKind = QuestionKind> = { [K in Kind]: Questions[K]['answer'] }[Kind];

/** What can be asked of the worker beside its runs: run files, and the runs kept in this browser. */
export interface FileQuestions {
  /** An open run, under its present name, as a run file: all it told, and its latest checkpoint in memory. */
  writeRunFile: {
    question: { readonly name: string };
    answer: { readonly bytes: RawBytes; readonly step: number };
  };
  /** A kept run as a run file. */
  writeKeptFile: {
    question: { readonly id: string };
    answer: { readonly bytes: RawBytes; readonly step: number };
  };
  /** Keeps the run in a run file in this browser, under a new id; one without a checkpoint is only to be looked at (null). */
  readRunFile: {
    question: { readonly bytes: RawBytes };
    answer: {
      readonly id: string | null;
      readonly spec: Spec;
      readonly state: 'paused' | 'done' | 'error';
      readonly events: readonly RunEvent[];
    };
  };
}

/** All that the page can ask. */
export interface PageQuestions extends Questions, FileQuestions {}
export type PageQuestionKind = keyof PageQuestions;
export type PageQuestion<Kind extends PageQuestionKind = PageQuestionKind> = {
  [K in Kind]: { readonly kind: K } & PageQuestions[K]['question'];
}[Kind];
export type PageAnswer<Kind extends PageQuestionKind = PageQuestionKind> = {
  [K in Kind]: PageQuestions[K]['answer'];
}[Kind];

/** How whoever asks hears of progress, and takes the question back. */
export interface Asking {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, of: number) => void;
}
