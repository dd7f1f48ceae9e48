import type { StorageType } from '../engine.ts';
import { type Kernel, storing } from './kernel.ts';
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
import { type GradientTile, gradientTileLabel } from './kernels/conv/kernel-gradient.ts';
import { type Tile, tileLabel } from './kernels/conv/tile.ts';
import { depthwiseConv, depthwiseInputGradient, depthwiseKernelGradient } from './kernels/depthwise/kernel.ts';
import { globalAverage, globalAverageGradient } from './kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './kernels/loss/kernel.ts';
import { maxPool, maxPoolGradient } from './kernels/max-pool/kernel.ts';
import { sgd } from './kernels/sgd/kernel.ts';
import { sumParts } from './kernels/sum-parts/kernel.ts';
import { transposeKernels } from './kernels/transpose-kernel/kernel.ts';
import {
  type GradientSizes,
  type LineSizes,
  type TileSizes,
  type Tuning,
  lineClass,
  parseVariants,
  variantsOf,
} from './tuning.ts';

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

/** Makes one kernel of all tiles with the same label. */
const memo = <Of, Made>(label: (tile: Of) => string, make: (tile: Of) => Made): ((tile: Of) => Made) => {
  const made = new Map<string, Made>();
  return (tile) => {
    const key = label(tile);
    const value = made.get(key) ?? make(tile);
    made.set(key, value);
    return value;
  };
};

/** The tiles of a family, one for each size. */
export const lineTilesOf = ({ vectors, ...tile }: LineSizes): readonly Tile[] =>
  vectors.map((size) => ({ ...tile, vectors: size }));
export const gradientTilesOf = ({ vectors, quads }: GradientSizes): readonly GradientTile[] =>
  vectors.map((size) => ({ vectors: size, quads }));

/** The tile that wastes least for a layer's width. */
export function bestTile<Of extends { readonly vectors: number }>(tiles: readonly Of[], outVectors: number): Of {
  const vectors = bestVectors(
    tiles.map((tile) => tile.vectors),
    outVectors,
  );
  const best = tiles.find((tile) => tile.vectors === vectors);
  if (!best) throw new Error('a family of tiles has at least one size');
  return best;
}

/** A tile and its kernel. */
interface Chosen<Of, Made> {
  readonly tile: Of;
  readonly kernel: Made;
}

/** The kernels of one tuning. */
export class KernelSet {
  readonly norm = NORM;
  readonly finishMoments: ReturnType<typeof finishMoments>;
  readonly finishGradientMoments: ReturnType<typeof finishGradientMoments>;
  readonly sumParts: ReturnType<typeof sumParts>;
  /** The tuning as text, see `variantsOf`. */
  readonly variants: string;
  readonly #lines = STRIDES.map((stride) => memo(tileLabel, (tile: Tile) => convLines(tile, stride)));
  readonly #inputGradient = memo(tileLabel, conv3x3InputGradient);
  readonly #kernelGradient = STRIDES.map((stride) =>
    memo(gradientTileLabel, (tile: GradientTile) => convLinesKernelGradient(tile, stride)),
  );
  readonly #rows = memo(tileLabel, convRows);
  readonly #rowsGradient = memo(gradientTileLabel, convRowsKernelGradient);

  constructor(readonly tuning: Tuning) {
    this.variants = variantsOf(tuning);
    this.finishMoments = finishMoments(tuning.wide);
    this.finishGradientMoments = finishGradientMoments(tuning.wide);
    this.sumParts = sumParts(tuning.wide);
  }

  #rowTiles({ pixels, vectors }: TileSizes): readonly Tile[] {
    const { channels, quads } = this.tuning;
    return lineTilesOf({ pixels, vectors, channels, quads });
  }

  #fewTiles(): readonly Tile[] {
    return this.#rowTiles(this.tuning.few).map((tile) => ({ ...tile, narrow: true }));
  }

  #rowGradientTiles(): readonly GradientTile[] {
    return gradientTilesOf({ vectors: this.tuning.rowsKernelGradient, quads: this.tuning.quads });
  }

  /** For a width in vec4s and the length of a line of output pixels: the tile and kernel of convolutions by lines. */
  convLines(outVectors: number, stride: 1 | 2, along: number): Chosen<Tile, ReturnType<typeof convLines>> {
    const tile = bestTile(lineTilesOf(this.tuning.lines[lineClass(along)]), outVectors);
    return { tile, kernel: pick(this.#lines, stride)(tile) };
  }

  /** `along`: the length of a line of the input, which this pass makes. */
  conv3x3InputGradient(outVectors: number, along: number): Chosen<Tile, ReturnType<typeof conv3x3InputGradient>> {
    const tile = bestTile(lineTilesOf(this.tuning.lines[lineClass(along)]), outVectors);
    return { tile, kernel: this.#inputGradient(tile) };
  }

  /** `along`: the length of a line of pixels of the output's gradient. */
  convLinesKernelGradient(
    outVectors: number,
    stride: 1 | 2,
    along: number,
  ): Chosen<GradientTile, ReturnType<typeof convLinesKernelGradient>> {
    const tile = bestTile(gradientTilesOf(this.tuning.kernelGradient[lineClass(along)]), outVectors);
    return { tile, kernel: pick(this.#kernelGradient, stride)(tile) };
  }

  /** `pixels`: how many there are in all, by lines of `width`. */
  convRows(
    outVectors: number,
    pixels: { readonly lines: number; readonly width: number },
  ): Chosen<Tile, ReturnType<typeof convRows>> {
    const { few, rows } = this.tuning;
    const isFew = pixels.lines * Math.ceil(pixels.width / few.pixels) <= few.tiles;
    const tile = bestTile(isFew ? this.#fewTiles() : this.#rowTiles(rows), outVectors);
    return { tile, kernel: this.#rows(tile) };
  }

  convRowsKernelGradient(outVectors: number): Chosen<GradientTile, ReturnType<typeof convRowsKernelGradient>> {
    const tile = bestTile(this.#rowGradientTiles(), outVectors);
    return { tile, kernel: this.#rowsGradient(tile) };
  }

  /** Every kernel that a network with these kinds of layer can need at any structure. */
  all(kinds: ReadonlySet<LayerKind>): readonly Kernel[] {
    const { lines, rows, kernelGradient } = this.tuning;
    const when = (kind: LayerKind, kernels: () => readonly Kernel[]): readonly Kernel[] =>
      kinds.has(kind) ? kernels() : [];
    const lineTiles = Object.values(lines).flatMap(lineTilesOf);
    const gradientTiles = Object.values(kernelGradient).flatMap(gradientTilesOf);
    const threes = (stride: 1 | 2): readonly Kernel[] => [
      ...lineTiles.map(pick(this.#lines, stride)),
      ...gradientTiles.map(pick(this.#kernelGradient, stride)),
    ];
    const all = [
      ...when('3x3', () => threes(1)),
      ...when('3x3 strided', () => [...threes(2), ...lineTiles.map(this.#inputGradient)]),
      ...[...this.#rowTiles(rows), ...this.#fewTiles()].map(this.#rows),
      ...this.#rowGradientTiles().map(this.#rowsGradient),
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
    // Classes of lines may have equal tiles.
    return [...new Set(all)].map((kernel) => storing(kernel, this.tuning.storage));
  }
}

/**
 * Kernel sets of an engine by their variants: the one it was tuned to, and those that checkpoints were trained with.
 */
export class KernelSets {
  readonly #made = new Map<string, KernelSet>();

  constructor(
    readonly own: KernelSet,
    /** Whether the adapter can run kernels of a tuning. */
    readonly runs: (tuning: Tuning) => boolean,
  ) {
    this.#made.set(own.variants, own);
  }

  /**
   * The tiles of a checkpoint's variants; the engine's own where those cannot run here (the checkpoint then comes from
   * another adapter, which adds in another order anyway). Throws a sentence when the variants cannot be understood.
   */
  of(variants: string, storage: StorageType): KernelSet {
    const tuning = parseVariants(variants);
    return this.storing(this.runs({ ...tuning, storage }) ? tuning : this.own.tuning, storage);
  }

  /** The tiles of a tuning for activations that are stored so. */
  storing(tuning: Tuning, storage: StorageType): KernelSet {
    const wanted = { ...tuning, storage };
    const key = variantsOf(wanted);
    const set = this.#made.get(key) ?? new KernelSet(wanted);
    this.#made.set(key, set);
    return set;
  }
}

const STRIDES = [1, 2] as const;

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
