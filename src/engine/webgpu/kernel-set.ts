import { vec4s, type Kernel } from './kernel.ts';
import { addBias, biasGradient } from './kernels/bias/kernel.ts';
import { assemble } from './kernels/assemble/kernel.ts';
import {
  channelMoments,
  finishGradientMoments,
  finishMoments,
  gradientMoments,
  runningScale,
  scaleShift,
  scaleShiftGradient,
} from './kernels/batch-norm/kernel.ts';
import { type ConvBuffer, type ConvField, type Tile, conv3x3, convForward } from './kernels/conv-forward/kernel.ts';
import { convInputGradient } from './kernels/conv-input-gradient/kernel.ts';
import { convKernelGradient, sumParts } from './kernels/conv-kernel-gradient/kernel.ts';
import { globalAverage, globalAverageGradient } from './kernels/global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './kernels/loss/kernel.ts';
import { maxPool, maxPoolGradient } from './kernels/max-pool/kernel.ts';
import { sgd } from './kernels/sgd/kernel.ts';
import { transposeKernel } from './kernels/transpose-kernel/kernel.ts';

/** Kernels that share one size of register tile; `vectors` is the tile's height in vec4s of output channels. */
interface TileKernels {
  readonly tile: Tile;
  readonly conv3x3: Kernel<ConvBuffer, ConvField>;
  readonly convForward: Kernel<ConvBuffer, ConvField>;
  readonly convInputGradient: ReturnType<typeof convInputGradient>;
  readonly gradient1x1: ReturnType<typeof convKernelGradient>;
  readonly gradient3x3: ReturnType<typeof convKernelGradient>;
  readonly gradientSlide: ReturnType<typeof convKernelGradient>;
}

/** What fits an adapter: tile sizes to choose from by width, and how many threads to spread reductions over. */
export interface Tuning {
  readonly pixels: number;
  readonly vectors: readonly number[];
  readonly quads: boolean;
  /** Threads wanted for split sums: enough to fill the adapter, few enough that adding the parts stays cheap. */
  readonly threads: number;
}

/**
 * Defaults by kind of adapter (PERFORMANCE.md section 3): large tiles on software adapters, where spills are cheap and
 * loads dear; small ones on GPUs.
 */
export function defaultTuning(software: boolean, quads: boolean): Tuning {
  return software
    ? { pixels: 8, vectors: [4, 2, 1], quads, threads: 2_048 }
    : { pixels: 4, vectors: [2, 1], quads, threads: 32_768 };
}

/** The kernels of one tuning. */
export class KernelSet {
  readonly tiles: readonly TileKernels[];
  readonly norm = NORM;

  constructor(readonly tuning: Tuning) {
    this.tiles = tuning.vectors.map((vectors) => {
      const tile: Tile = { pixels: tuning.pixels, vectors, quads: tuning.quads };
      return {
        tile,
        conv3x3: conv3x3(tile),
        convForward: convForward(tile),
        convInputGradient: convInputGradient(tile),
        gradient1x1: convKernelGradient({ taps: 1, vectors, slide: false, quads: tile.quads }),
        gradient3x3: convKernelGradient({ taps: 3, vectors, slide: false, quads: tile.quads }),
        gradientSlide: convKernelGradient({ taps: 3, vectors, slide: true, quads: tile.quads }),
      };
    });
  }

  /**
   * The tile that wastes least for a layer's width. A block costs its vectors plus a share for loading the input, about
   * 0.45 of a vector's arithmetic (counted from the loads and fused multiply-adds of the 3x3 kernel).
   */
  choose(outChannels: number): TileKernels {
    const vectors = vec4s(outChannels);
    const cost = ({ tile }: TileKernels): number => Math.ceil(vectors / tile.vectors) * (tile.vectors + 0.45);
    return this.tiles.reduce((best, candidate) => (cost(candidate) < cost(best) ? candidate : best));
  }

  /** Every kernel that a network with these kinds of convolution can need at any structure. */
  all(kinds: ReadonlySet<'3x3' | '3x3 strided' | '1x1' | '1x1 strided'>): readonly Kernel[] {
    const strided = kinds.has('3x3 strided') || kinds.has('1x1 strided');
    const convolutions = this.tiles.flatMap((set): Kernel[] => [
      // The classifier is a 1x1 convolution.
      set.convForward,
      set.gradient1x1,
      ...(kinds.has('3x3') ? [set.conv3x3, set.gradientSlide] : []),
      ...(kinds.has('3x3 strided') ? [set.gradient3x3] : []),
      ...(strided ? [set.convInputGradient] : []),
    ]);
    return [...convolutions, ...SHARED];
  }
}

/** Norm passes with and without a residual input. */
const NORM = {
  scaleShift: scaleShift(false),
  scaleShiftAdd: scaleShift(true),
  scaleShiftGradient: scaleShiftGradient(false),
  scaleShiftAddGradient: scaleShiftGradient(true),
} as const;

const SHARED: readonly Kernel[] = [
  assemble,
  channelMoments,
  finishMoments,
  runningScale,
  gradientMoments,
  finishGradientMoments,
  ...Object.values(NORM),
  sumParts,
  transposeKernel,
  maxPool,
  maxPoolGradient,
  globalAverage,
  globalAverageGradient,
  addBias,
  biasGradient,
  softmaxCrossEntropy,
  sumOutcomes,
  sgd,
];
