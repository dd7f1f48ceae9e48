import type { Structure } from '../network/index.ts';
import type { SearchRound } from '../search/index.ts';
import type { UnitTotal, PrunedShares } from './sizes.ts';
import type { LoweredSize } from './weight-masks.ts';

/** What a stage prunes: whole feature maps, whole kernels, or all but strided taps inside kernels. */
export const GRANULARITIES = ['map', 'kernel', 'stride'] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** How a stage chooses its mask. */
export const CHOICES = ['random', 'best', 'magnitude', 'particles'] as const;
export type Choice = (typeof CHOICES)[number];

/** What a stage of structured sparsity did, and what the network is made of after it. Plain JSON. */
export interface StageReport {
  /** Its place in the list of stages, from 0; the fixed-point stage comes last. */
  readonly index: number;
  readonly granularity: Granularity | 'bits';
  /** How the mask was chosen; null for fixed point, which chooses none. */
  readonly chosen: ChoiceReport | null;
  /** Units of this granularity in eligible layers, and those that this stage pruned; null for fixed point. */
  readonly units: UnitTotal | null;
  /** Pruned since the start, by all stages: against the dense network. */
  readonly shares: PrunedShares;
  /** Every convolution and dense layer, in network order, after the stage. */
  readonly layers: readonly StageLayer[];
  /** Channels and taps after the stage. */
  readonly structure: Structure;
  /** Bits that the weights take: dense float32, what is left in float32, and quantised where there is fixed point. */
  readonly storage: { readonly dense: number; readonly compact: number; readonly quantised: number | null };
}

export interface StageLayer {
  readonly layer: string;
  /** Whether stages may prune it. */
  readonly eligible: boolean;
  /** Surviving weights of how many, and nominal multiply-adds of one image. */
  readonly weights: { readonly dense: number; readonly kept: number };
  readonly macs: { readonly dense: number; readonly kept: number };
  /** The matrix product of one image; null for depthwise convolutions. */
  readonly lowered: { readonly dense: LoweredSize; readonly kept: LoweredSize } | null;
  /** Kernel-wise mask of the full-size layer: bits at c * outputs + d, packed (see packBits); absent without. */
  readonly kernels?: PackedBits;
  /** Strided taps without the constraint: an offset for each kernel of the full-size layer, at c * outputs + d. */
  readonly free?: { readonly stride: number; readonly offsets: readonly number[] };
  /** Fixed point: bits a weight, and the quantiser's step. */
  readonly quantiser?: { readonly bits: number; readonly step: number };
}

/** The search for a mask, and what other choices scored. Accuracies are those on the held-out images, 0 to 1. */
export interface ChoiceReport {
  readonly choose: Choice;
  /** Held-out images that scored each candidate. */
  readonly images: number;
  /** Of the mask taken, before any retraining. */
  readonly accuracy: number;
  /** Candidates scored by the choice itself. */
  readonly evaluations: number;
  /** Rounds of the particle filter, or the one round of best-of-N; null for random and magnitude. */
  readonly rounds: readonly SearchRound[] | null;
  /** Accuracy of the magnitude mask. */
  readonly magnitude: number;
  /** Best of as many random masks as the particle filter scored; null where that was not compared. */
  readonly bestOfN: { readonly accuracy: number; readonly evaluations: number } | null;
}

/** Bits as plain JSON: how many, and the bits in base64, eight to a byte, the first lowest. */
export interface PackedBits {
  readonly count: number;
  readonly bits: string;
}

/** Whether bits of others are as many as expected, and can be unpacked. */
export const fitsBits = ({ count, bits }: PackedBits, expected: number): boolean =>
  count === expected && bits.length === 4 * Math.ceil(expected / 24) && /^[\d+/A-Za-z]*={0,2}$/.test(bits);

export function packBits(bits: ArrayLike<number>): PackedBits {
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  for (let i = 0; i < bits.length; i++) bytes[i >>> 3] = (bytes[i >>> 3] ?? 0) | (Number(bits[i] === 1) << (i & 7));
  return { count: bits.length, bits: btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join('')) };
}

export function unpackBits({ count, bits }: PackedBits): Uint8Array {
  const bytes = atob(bits);
  return Uint8Array.from({ length: count }, (_, i) => (bytes.charCodeAt(i >>> 3) >>> (i & 7)) & 1);
}
