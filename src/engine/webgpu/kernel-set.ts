import type { StorageType } from '../engine.ts';
import { type Kernel, storing } from './kernel.ts';
import { addBias, biasGradient } from './kernels/bias/kernel.ts';
import { assemble } from './kernels/assemble/kernel.ts';
import {
  type Accumulation,
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
import { convLinesShared } from './kernels/conv-lines/shared.ts';
import { conv3x3InputGradient } from './kernels/conv-3x3-input-gradient/kernel.ts';
import { convLinesKernelGradient } from './kernels/conv-lines-kernel-gradient/kernel.ts';
import { convLinesKernelGradientShared } from './kernels/conv-lines-kernel-gradient/shared.ts';
import { convRows } from './kernels/conv-rows/kernel.ts';
import { convRowsKernelGradient } from './kernels/conv-rows-kernel-gradient/kernel.ts';
import { type GradientTile, SHARED_UNITS, gradientTileLabel } from './kernels/conv/kernel-gradient.ts';
import { type Cut, bestVectors, cutOf } from './kernels/conv/cut.ts';
import { type Epilogue, type Tile, blockVectors, tileLabel } from './kernels/conv/tile.ts';
import { depthwiseConv, depthwiseInputGradient, depthwiseKernelGradient } from './kernels/depthwise/kernel.ts';
import { globalAverage, globalAverageGradient } from './kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './kernels/loss/kernel.ts';
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

/** Kinds of layer that a network has; a kernel is compiled only when its kind occurs. */
export type LayerKind =
  | '3x3'
  | '3x3 strided'
  | 'rows'
  | 'depthwise'
  | 'depthwise strided'
  | 'avgPool'
  | 'gate'
  /** Activations with several readers, whose gradients are added up. */
  | 'branches'
  | 'add';

/** A convolution's tile and what it does with its results. */
interface StoredTile {
  readonly tile: Tile;
  readonly epilogue: Epilogue;
}
const storedLabel = ({ tile, epilogue }: StoredTile): string => `${tileLabel(tile)} ${epilogue}`;

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

type RegisterSizes = Omit<LineSizes, 'shared'>;

/** Tiles without work-group memory, one for each size. */
const registerTilesOf = ({
  pixels,
  vectors,
  channels,
  quads,
  accumulators = Infinity,
}: RegisterSizes): readonly Tile[] =>
  vectors.map((size) => ({ pixels: Math.min(pixels, accumulators / size), vectors: size, channels, quads }));
/**
 * The tiles of a family: those that share work-group memory, if it has them, and without it, which are for layers too
 * narrow to fill a work-group.
 */
export const lineTilesOf = (sizes: LineSizes): readonly Tile[] => {
  const tiles = registerTilesOf(sizes);
  return sizes.shared ? [...tiles.map((tile) => ({ ...tile, channels: 4 as const, shared: true })), ...tiles] : tiles;
};
/** Input channels up to which one loop over a kernel's lines is no slower than two (measured on SwiftShader). */
const FLAT_CHANNELS = 64;
/** The same tile with one loop, where it takes single channels. */
const flattened = (tile: Tile): Tile => (tile.channels === 1 ? { ...tile, flat: true } : tile);
/** The kernel of a tile of convolutions by lines. */
export const lineKernel = (tile: Tile, stride: 1 | 2, epilogue: Epilogue): ReturnType<typeof convLines> =>
  tile.shared ? convLinesShared(tile, stride, epilogue) : convLines(tile, stride, epilogue);
export const gradientTilesOf = ({ vectors, quads, shared }: GradientSizes): readonly GradientTile[] => {
  const tiles = vectors.map((size) => ({ vectors: size, quads }));
  return shared ? [...tiles.map((tile) => ({ ...tile, quads: false, shared: true })), ...tiles] : tiles;
};
/** The kernel of a tile of kernel gradients by lines. */
export const lineGradientKernel = (tile: GradientTile, stride: 1 | 2): ReturnType<typeof convLinesKernelGradient> =>
  tile.shared ? convLinesKernelGradientShared(tile, stride) : convLinesKernelGradient(tile, stride);

/** The tile that wastes least for a layer's width. */
export function bestTile<Of extends Pick<Tile, 'vectors' | 'shared'>>(tiles: readonly Of[], outVectors: number): Of {
  return tileOfBlocks(tiles, bestVectors(tiles.map(blockVectors), outVectors));
}

/** The tile that makes blocks of a size. Throws when the family has none. */
function tileOfBlocks<Of extends Pick<Tile, 'vectors' | 'shared'>>(tiles: readonly Of[], vectors: number): Of {
  const found = tiles.find((tile) => blockVectors(tile) === vectors);
  if (!found) throw new Error(`no tile makes blocks of ${vectors} vec4s`);
  return found;
}

/** Of a work-group's threads at least this share must have a unit. */
const LEAST_BUSY = 0.6;

/** The same for kernel gradients by lines of a layer with `units` units. */
export function bestGradientTile(sizes: GradientSizes, outVectors: number, units: number): GradientTile {
  const busy = units / (Math.ceil(units / SHARED_UNITS) * SHARED_UNITS);
  const tiles = gradientTilesOf(sizes).filter(({ shared }) => !shared || busy >= LEAST_BUSY);
  return bestTile(tiles, outVectors);
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
  readonly #lines = STRIDES.map((stride) =>
    memo(storedLabel, ({ tile, epilogue }: StoredTile) => lineKernel(tile, stride, epilogue)),
  );
  readonly #inputGradient = memo(storedLabel, ({ tile, epilogue }: StoredTile) => conv3x3InputGradient(tile, epilogue));
  readonly #kernelGradient = STRIDES.map((stride) =>
    memo(gradientTileLabel, (tile: GradientTile) => lineGradientKernel(tile, stride)),
  );
  readonly #rows = memo(storedLabel, ({ tile, epilogue }: StoredTile) => convRows(tile, epilogue));
  readonly #rowsGradient = memo(gradientTileLabel, convRowsKernelGradient);

  constructor(readonly tuning: Tuning) {
    this.variants = variantsOf(tuning);
    this.finishMoments = finishMoments(tuning.wide);
    this.finishGradientMoments = finishGradientMoments(tuning.wide);
    this.sumParts = sumParts(tuning.wide);
  }

  #rowTiles(sizes: TileSizes): readonly Tile[] {
    const { channels, quads } = this.tuning;
    return registerTilesOf({ ...sizes, channels, quads });
  }

  #fewTiles(): readonly Tile[] {
    return this.#rowTiles(this.tuning.few).map((tile) => ({ ...tile, narrow: true }));
  }

  #rowGradientTiles(): readonly GradientTile[] {
    return gradientTilesOf({
      vectors: this.tuning.rowsKernelGradient,
      quads: this.tuning.quads,
      shared: false,
    });
  }

  /** How convolutions by lines of `along` output pixels cut their output channels into blocks. */
  lineCut(along: number): Cut {
    const sizes = this.tuning.lines[lineClass(along)];
    return cutOf(lineTilesOf(sizes).map(blockVectors), sizes.mixed ?? false);
  }

  /**
   * For blocks of so many vec4s and the length of a line of output pixels: the tile and kernel of convolutions by lines.
   * `channels`: of the input, where runs are the lines of whole kernels; null where they are not.
   */
  convLines(
    vectors: number,
    stride: 1 | 2,
    along: number,
    channels: number | null,
    epilogue: Epilogue,
  ): Chosen<Tile, ReturnType<typeof convLines>> {
    const best = tileOfBlocks(lineTilesOf(this.tuning.lines[lineClass(along)]), vectors);
    const few = stride === 1 && channels !== null && channels <= FLAT_CHANNELS;
    const tile = few ? flattened(best) : best;
    return { tile, kernel: pick(this.#lines, stride)({ tile, epilogue }) };
  }

  /** `along`: the length of a line of the input, which this pass makes. */
  conv3x3InputGradient(
    outVectors: number,
    along: number,
    epilogue: Epilogue,
  ): Chosen<Tile, ReturnType<typeof conv3x3InputGradient>> {
    const tile = bestTile(registerTilesOf(this.tuning.lines[lineClass(along)]), outVectors);
    return { tile, kernel: this.#inputGradient({ tile, epilogue }) };
  }

  /** `along`: the length of a line of pixels of the output's gradient; `units`: of `lineUnits`. */
  convLinesKernelGradient(
    outVectors: number,
    stride: 1 | 2,
    along: number,
    units: number,
  ): Chosen<GradientTile, ReturnType<typeof convLinesKernelGradient>> {
    const tile = bestGradientTile(this.tuning.kernelGradient[lineClass(along)], outVectors, units);
    return { tile, kernel: pick(this.#kernelGradient, stride)(tile) };
  }

  /** `pixels`: how many there are in all, by lines of `width`. */
  convRows(
    outVectors: number,
    pixels: { readonly lines: number; readonly width: number },
    epilogue: Epilogue,
  ): Chosen<Tile, ReturnType<typeof convRows>> {
    const { few, rows } = this.tuning;
    const isFew = pixels.lines * Math.ceil(pixels.width / few.pixels) <= few.tiles;
    const tile = bestTile(isFew ? this.#fewTiles() : this.#rowTiles(rows), outVectors);
    return { tile, kernel: this.#rows({ tile, epilogue }) };
  }

  convRowsKernelGradient(outVectors: number): Chosen<GradientTile, ReturnType<typeof convRowsKernelGradient>> {
    const tile = bestTile(this.#rowGradientTiles(), outVectors);
    return { tile, kernel: this.#rowsGradient(tile) };
  }

  /**
   * Every kernel that a network with these kinds of layer may need at one structure and not at another. (Those of a max
   * pooling depend on its window alone: every plan has them.)
   */
  all(kinds: ReadonlySet<LayerKind>): readonly Kernel[] {
    const { lines, rows, kernelGradient } = this.tuning;
    const when = (kind: LayerKind, kernels: () => readonly Kernel[]): readonly Kernel[] =>
      kinds.has(kind) ? kernels() : [];
    const lineTiles = Object.values(lines).flatMap(lineTilesOf);
    const strided = Object.values(lines).flatMap(registerTilesOf);
    const gradientTiles = Object.values(kernelGradient).flatMap(gradientTilesOf);
    const gradient = kinds.has('branches') ? (['plain', 'accumulate'] as const) : (['plain'] as const);
    const forward: Epilogue[] = ['plain', 'moments', 'folded', ...(kinds.has('add') ? ['folded-add' as const] : [])];
    const stored = (tiles: readonly Tile[], epilogues: readonly Epilogue[]): StoredTile[] =>
      [...new Set(epilogues)].flatMap((epilogue) => tiles.map((tile) => ({ tile, epilogue })));
    const threes = (stride: 1 | 2): readonly Kernel[] => [
      ...(stride === 1
        ? stored([...lineTiles, ...lineTiles.map(flattened)], [...forward, ...gradient])
        : stored(lineTiles, forward)
      ).map(pick(this.#lines, stride)),
      ...gradientTiles.map(pick(this.#kernelGradient, stride)),
    ];
    const all = [
      ...when('3x3', () => threes(1)),
      ...when('3x3 strided', () => [...threes(2), ...stored(strided, gradient).map(this.#inputGradient)]),
      // A classifier stores plain results.
      ...stored(
        [...this.#rowTiles(rows), ...this.#fewTiles()],
        kinds.has('rows') ? [...forward, ...gradient] : ['plain'],
      ).map(this.#rows),
      ...this.#rowGradientTiles().map(this.#rowsGradient),
      ...when('depthwise', () => [
        DEPTHWISE.forward[0].folded,
        ...gradient.map((epilogue) => DEPTHWISE.forward[0][epilogue]),
        DEPTHWISE.kernelGradient[0],
      ]),
      ...when('depthwise strided', () => [
        DEPTHWISE.forward[1].plain,
        DEPTHWISE.forward[1].folded,
        ...gradient.map((epilogue) => DEPTHWISE.inputGradient[epilogue]),
        DEPTHWISE.kernelGradient[1],
      ]),
      ...when('avgPool', () => [averagePool, averagePoolGradient]),
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
} as const;

/** The input gradient of a norm: whether it has a residual input, and which gradients are added to what is there. */
export const normGradient = ((): ((
  residual: boolean,
  accumulation: Accumulation,
) => ReturnType<typeof scaleShiftGradient>) => {
  const made = memo(
    ({ residual, values, added }: Accumulation & { readonly residual: boolean }) => [residual, values, added].join(),
    ({ residual, ...accumulation }) => scaleShiftGradient(residual, accumulation),
  );
  return (residual, { values = false, added = false }) => made({ residual, values, added });
})();

const depthwiseForward = (stride: 1 | 2) => ({
  plain: depthwiseConv(stride),
  /** As the input gradient at stride 1. */
  accumulate: depthwiseConv(stride, 'accumulate'),
  folded: depthwiseConv(stride, 'folded'),
});

export const DEPTHWISE = {
  forward: [depthwiseForward(1), depthwiseForward(2)],
  inputGradient: { plain: depthwiseInputGradient('plain'), accumulate: depthwiseInputGradient('accumulate') },
  kernelGradient: [depthwiseKernelGradient(1), depthwiseKernelGradient(2)],
} as const;

const SHARED: readonly Kernel[] = [
  assemble,
  channelMoments,
  runningScale,
  ...Object.values(NORM),
  normGradient(false, {}),
  normGradient(true, {}),
  transposeKernels,
  globalAverage,
  globalAverageGradient,
  addBias,
  biasGradient,
  softmaxCrossEntropy,
  sumOutcomes,
  sgd,
];
