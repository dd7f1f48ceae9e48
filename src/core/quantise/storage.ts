import type { LayerSize } from '../sparsity/sizes.ts';

/** Bits of a float32 weight, and of a quantised layer's step. */
const FLOAT = 32;

/** Bits that a layer takes, counted exactly (strided.md 4.4 and 12.7, ours). */
export interface StoredBits {
  readonly layer: string;
  readonly values: number;
  /** Strided taps: the layer's stride, and an offset for each source map. */
  readonly intervals: number;
  /** One for each kernel of a kernel mask. */
  readonly flags: number;
  /** The quantiser's step. */
  readonly step: number;
  readonly total: number;
}

/** Bits that tell `count` values apart; none for a single one. */
const bitsFor = (count: number): number => Math.ceil(Math.log2(Math.max(1, count)));

/** Bits of a stride from 1 to `taps` and of an offset below the stride for each source map. */
export const intervalBits = ({ taps, stride, maps }: NonNullable<LayerSize['strided']>): number =>
  bitsFor(taps) + maps * bitsFor(stride);

/**
 * Storage of a layer's surviving weights, at `bits` each; 32, the default, is float32 without a step. Kept maps cost
 * nothing: the layer is thinner. Norms and biases are left out, as in all counts of the lab.
 */
export function storedBits({ layer, weights, strided, flags }: LayerSize, bits: number = FLOAT): StoredBits {
  const values = weights * bits;
  const intervals = strided ? intervalBits(strided) : 0;
  const step = bits < FLOAT ? FLOAT : 0;
  return { layer, values, intervals, flags, step, total: values + intervals + flags + step };
}

/** Sum of the bits of all layers; `bits` by layer, 32 for those that are not named. */
export const networkBits = (sizes: readonly LayerSize[], bits: ReadonlyMap<string, number> = new Map()): number =>
  sizes.reduce((sum, size) => sum + storedBits(size, bits.get(size.layer)).total, 0);
