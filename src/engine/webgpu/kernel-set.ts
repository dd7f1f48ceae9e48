import type { Kernel } from './kernel.ts';
import { addBias, biasGradient } from './kernels/bias/kernel.ts';
import { assemble } from './kernels/assemble/kernel.ts';
import {
  channelMoments,
  finishGradientMoments,
  finishMoments,
  gateScale,
  gradientMoments,
  runningScale,
  scaleShift,
  scaleShiftGradient,
} from './kernels/batch-norm/kernel.ts';
import { averagePool, averagePoolGradient } from './kernels/average-pool/kernel.ts';
import { convLines } from './kernels/conv-lines/kernel.ts';
import { conv3x3InputGradient } from './kernels/conv-3x3-input-gradient/kernel.ts';
import { convLinesKernelGradient } from './kernels/conv-lines-kernel-gradient/kernel.ts';
import { convRows } from './kernels/conv-rows/kernel.ts';
import { convRowsKernelGradient } from './kernels/conv-rows-kernel-gradient/kernel.ts';
import type { GradientTile } from './kernels/conv/kernel-gradient.ts';
import type { Tile } from './kernels/conv/tile.ts';
import { depthwiseConv, depthwiseInputGradient, depthwiseKernelGradient } from './kernels/depthwise/kernel.ts';
import { globalAverage, globalAverageGradient } from './kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './kernels/loss/kernel.ts';
import { maxPool, maxPoolGradient } from './kernels/max-pool/kernel.ts';
import { sgd } from './kernels/sgd/kernel.ts';
import { sumParts } from './kernels/sum-parts/kernel.ts';
import { transposeKernels } from './kernels/transpose-kernel/kernel.ts';

/** One family of tiles: sizes to choose from by width. */
export interface TileSizes {
  readonly pixels: number;
  readonly vectors: readonly number[];
}

/** What fits an adapter. */
export interface Tuning {
  /** Input channels a turn, see Tile. */
  readonly channels: 1 | 4;
  readonly quads: boolean;
  /** 3x3 convolutions by lines, and the input gradients of those with stride 2 (pixels counted in pairs). */
  readonly lines: TileSizes;
  /** Convolutions over a table of rows. */
  readonly rows: TileSizes;
  /** The same where there are at most `tiles` tiles: dense layers at small batches. */
  readonly few: TileSizes & { readonly tiles: number };
  readonly kernelGradient: readonly number[];
  readonly rowsKernelGradient: readonly number[];
  /** Threads wanted for split sums: enough to fill the adapter, few enough that adding the parts stays cheap. */
  readonly threads: number;
  /** Work-groups share sums through their memory. Never on a software adapter, where barriers are slow or worse. */
  readonly wide: boolean;
}

/**
 * Defaults by kind of adapter. On software adapters machine code counts: a loop must fit the instruction cache, hence one
 * channel a turn and few loads; on GPUs wide loads and few registers.
 */
export function defaultTuning(software: boolean, quads: boolean): Tuning {
  return software
    ? {
        channels: 1,
        quads,
        lines: { pixels: 8, vectors: [2, 1] },
        rows: { pixels: 8, vectors: [4, 2, 1] },
        few: { pixels: 4, vectors: [4], tiles: 32 },
        kernelGradient: [2, 1],
        rowsKernelGradient: [4, 2, 1],
        threads: 2_048,
        wide: false,
      }
    : {
        channels: 4,
        quads,
        lines: { pixels: 4, vectors: [2, 1] },
        rows: { pixels: 4, vectors: [2, 1] },
        few: { pixels: 4, vectors: [1], tiles: 8 },
        kernelGradient: [2, 1],
        rowsKernelGradient: [2, 1],
        threads: 32_768,
        wide: true,
      };
}

/** What a tile costs besides its vectors: loading the input, in vectors' worth of arithmetic (measured on SwiftShader). */
const LOAD_SHARE = 0.6;

/** The size that wastes least for a layer's width. */
export function bestVectors(sizes: readonly number[], outVectors: number): number {
  const cost = (vectors: number): number => Math.ceil(outVectors / vectors) * (vectors + LOAD_SHARE);
  return sizes.reduce((best, vectors) => (cost(vectors) < cost(best) ? vectors : best), sizes[0] ?? 1);
}

/** Kinds of layer that a network has; a kernel is compiled only when its kind occurs. */
export type LayerKind =
  | '3x3'
  | '3x3 strided'
  | 'rows'
  | 'depthwise'
  | 'depthwise strided'
  | 'avgPool'
  | 'maxPool'
  | 'gate';

const memo = <Key extends string | number, Value>(make: (key: Key) => Value): ((key: Key) => Value) => {
  const made = new Map<Key, Value>();
  return (key) => {
    const value = made.get(key) ?? make(key);
    made.set(key, value);
    return value;
  };
};

/** The kernels of one tuning. */
export class KernelSet {
  readonly norm = NORM;
  readonly finishMoments: ReturnType<typeof finishMoments>;
  readonly finishGradientMoments: ReturnType<typeof finishGradientMoments>;
  readonly sumParts: ReturnType<typeof sumParts>;
  readonly #lines: readonly ((vectors: number) => ReturnType<typeof convLines>)[];
  readonly #inputGradient: (vectors: number) => ReturnType<typeof conv3x3InputGradient>;
  readonly #kernelGradient: readonly ((vectors: number) => ReturnType<typeof convLinesKernelGradient>)[];
  readonly #rows: (vectors: number) => ReturnType<typeof convRows>;
  readonly #few: (vectors: number) => ReturnType<typeof convRows>;
  readonly #rowsGradient: (vectors: number) => ReturnType<typeof convRowsKernelGradient>;

  constructor(readonly tuning: Tuning) {
    this.finishMoments = finishMoments(tuning.wide);
    this.finishGradientMoments = finishGradientMoments(tuning.wide);
    this.sumParts = sumParts(tuning.wide);
    const strides = [1, 2] as const;
    this.#lines = strides.map((stride) => memo((v: number) => convLines(this.#tile(tuning.lines, v), stride)));
    this.#inputGradient = memo((v: number) => conv3x3InputGradient(this.#tile(tuning.lines, v)));
    this.#kernelGradient = strides.map((stride) =>
      memo((v: number) => convLinesKernelGradient(this.#gradientTile(v), stride)),
    );
    this.#rows = memo((v: number) => convRows(this.#tile(tuning.rows, v)));
    this.#few = memo((v: number) => convRows(this.#fewTile(v)));
    this.#rowsGradient = memo((v: number) => convRowsKernelGradient(this.#gradientTile(v)));
  }

  #tile({ pixels }: TileSizes, vectors: number): Tile {
    const { channels, quads } = this.tuning;
    return { pixels, vectors, channels, quads };
  }

  #fewTile(vectors: number): Tile {
    return { ...this.#tile(this.tuning.few, vectors), narrow: true };
  }

  #gradientTile(vectors: number): GradientTile {
    return { vectors, quads: this.tuning.quads };
  }

  /** For a width in vec4s: the tile and kernel of convolutions by lines. */
  convLines(outVectors: number, stride: 1 | 2): { tile: Tile; kernel: ReturnType<typeof convLines> } {
    const vectors = bestVectors(this.tuning.lines.vectors, outVectors);
    return { tile: this.#tile(this.tuning.lines, vectors), kernel: pick(this.#lines, stride)(vectors) };
  }

  conv3x3InputGradient(outVectors: number): { tile: Tile; kernel: ReturnType<typeof conv3x3InputGradient> } {
    const vectors = bestVectors(this.tuning.lines.vectors, outVectors);
    return { tile: this.#tile(this.tuning.lines, vectors), kernel: this.#inputGradient(vectors) };
  }

  convLinesKernelGradient(
    outVectors: number,
    stride: 1 | 2,
  ): { tile: GradientTile; kernel: ReturnType<typeof convLinesKernelGradient> } {
    const vectors = bestVectors(this.tuning.kernelGradient, outVectors);
    return { tile: this.#gradientTile(vectors), kernel: pick(this.#kernelGradient, stride)(vectors) };
  }

  /** `pixels`: how many there are in all, by lines of `width`. */
  convRows(
    outVectors: number,
    pixels: { readonly lines: number; readonly width: number },
  ): { tile: Tile; kernel: ReturnType<typeof convRows> } {
    const { few } = this.tuning;
    if (pixels.lines * Math.ceil(pixels.width / few.pixels) <= few.tiles) {
      const vectors = bestVectors(few.vectors, outVectors);
      return { tile: this.#fewTile(vectors), kernel: this.#few(vectors) };
    }
    const vectors = bestVectors(this.tuning.rows.vectors, outVectors);
    return { tile: this.#tile(this.tuning.rows, vectors), kernel: this.#rows(vectors) };
  }

  convRowsKernelGradient(outVectors: number): {
    tile: GradientTile;
    kernel: ReturnType<typeof convRowsKernelGradient>;
  } {
    const vectors = bestVectors(this.tuning.rowsKernelGradient, outVectors);
    return { tile: this.#gradientTile(vectors), kernel: this.#rowsGradient(vectors) };
  }

  /** Every kernel that a network with these kinds of layer can need at any structure. */
  all(kinds: ReadonlySet<LayerKind>): readonly Kernel[] {
    const { lines: sizes, rows, few, kernelGradient, rowsKernelGradient } = this.tuning;
    const when = (kind: LayerKind, kernels: () => readonly Kernel[]): readonly Kernel[] =>
      kinds.has(kind) ? kernels() : [];
    const threes = (stride: 1 | 2): readonly Kernel[] => [
      ...sizes.vectors.map((v) => pick(this.#lines, stride)(v)),
      ...kernelGradient.map((v) => pick(this.#kernelGradient, stride)(v)),
    ];
    return [
      ...when('3x3', () => threes(1)),
      ...when('3x3 strided', () => [...threes(2), ...sizes.vectors.map((v) => this.#inputGradient(v))]),
      ...rows.vectors.map((v) => this.#rows(v)),
      ...few.vectors.map((v) => this.#few(v)),
      ...rowsKernelGradient.map((v) => this.#rowsGradient(v)),
      ...when('depthwise', () => [DEPTHWISE.forward[0], DEPTHWISE.kernelGradient[0]]),
      ...when('depthwise strided', () => [DEPTHWISE.forward[1], DEPTHWISE.inputGradient, DEPTHWISE.kernelGradient[1]]),
      ...when('avgPool', () => [averagePool, averagePoolGradient]),
      ...when('maxPool', () => [maxPool, maxPoolGradient]),
      ...when('gate', () => [gateScale]),
      this.finishMoments,
      this.finishGradientMoments,
      this.sumParts,
      ...SHARED,
    ];
  }
}

const pick = <T>(byStride: readonly T[], stride: 1 | 2): T => {
  const value = byStride[stride - 1];
  if (value === undefined) throw new Error(`no kernel for stride ${stride}`);
  return value;
};

/** Norm passes with and without a residual input. */
const NORM = {
  scaleShift: scaleShift(false),
  scaleShiftAdd: scaleShift(true),
  gradientMoments: gradientMoments(false),
  gradientMomentsAdd: gradientMoments(true),
  scaleShiftGradient: scaleShiftGradient(false),
  scaleShiftAddGradient: scaleShiftGradient(true),
} as const;

export const DEPTHWISE = {
  forward: [depthwiseConv(1), depthwiseConv(2)],
  inputGradient: depthwiseInputGradient,
  kernelGradient: [depthwiseKernelGradient(1), depthwiseKernelGradient(2)],
} as const;

const SHARED: readonly Kernel[] = [
  assemble,
  channelMoments,
  runningScale,
  ...Object.values(NORM),
  transposeKernels,
  globalAverage,
  globalAverageGradient,
  addBias,
  biasGradient,
  softmaxCrossEntropy,
  sumOutcomes,
  sgd,
];
