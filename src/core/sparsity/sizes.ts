import { type Network, type Structure, compact, countNetwork, shapesOf } from '../network/index.ts';
import { keptTaps } from '../network/taps.ts';
import { type Masks, keptUnits } from './masks.ts';
import type { LoweredSize } from './weight-masks.ts';

/** A convolution (depthwise too) or dense layer under a structure and kernel masks. */
export interface LayerSize {
  readonly layer: string;
  /** Surviving weights. */
  readonly weights: number;
  /** Multiply-adds of the surviving weights for one image: nominal where whole kernels are pruned. */
  readonly macs: number;
  /** The matrix product of one image; null for depthwise convolutions, which are one small product a map. */
  readonly lowered: LoweredSize | null;
  /** Kernels that the layer would have without a kernel mask, each with a flag of its own; 0 when it has no mask. */
  readonly flags: number;
  /** Strided taps: taps of a whole kernel, the stride and the source maps that have an offset; null when dense. */
  readonly strided: { readonly taps: number; readonly stride: number; readonly maps: number } | null;
}

/**
 * Sizes of every layer that a structure and kernel masks leave, in network order. Masks are of the full-size network;
 * kernel pruning alone leaves the matrix product whole unless all kernels of a source map are gone (section 14, 13).
 */
export function layerSizes(network: Network, structure: Structure, kernels: Masks = new Map()): readonly LayerSize[] {
  const { network: smaller, gathers } = compact(network, structure);
  const shapes = shapesOf(smaller);
  const nodes = new Map(smaller.nodes.map((node) => [node.id, node]));
  return countNetwork(smaller).layers.map(({ layer, parameters, macs }): LayerSize => {
    const node = nodes.get(layer);
    const [height, width, outputs] = shapes.get(layer) ?? [0, 0, 0];
    const positions = height * width;
    const product = (rows: number): LoweredSize => ({ outputs, rows, positions, macs: outputs * rows * positions });
    const plain = { layer, weights: parameters, macs, flags: 0, strided: null };
    if (node?.op === 'depthwiseConv') return { ...plain, lowered: null };
    if (node?.op !== 'conv') return { ...plain, lowered: product(parameters / outputs) };

    const taps = node.kernel ** 2;
    const inputs = shapes.get(node.input)?.[2] ?? 0;
    const strided = node.taps ? { taps, stride: node.taps.stride, maps: inputs } : null;
    const bits = kernels.get(layer);
    if (!bits) return { ...plain, strided, lowered: product(parameters / outputs) };
    const gather = gathers.find(({ full }) => full.name === `${layer}/kernel`);
    const [, , fullInputs = 0, fullOutputs = 0] = gather?.full.shape ?? [];
    if (bits.length !== fullInputs * fullOutputs) {
      throw new Error(`sparsity: "${layer}" has ${fullInputs * fullOutputs} kernels, its mask ${bits.length}`);
    }
    const keptInputs = gather?.kept[2] ?? [...Array(fullInputs).keys()];
    const keptOutputs = gather?.kept[3] ?? [...Array(fullOutputs).keys()];
    let [weights, rows] = [0, 0];
    keptInputs.forEach((c, i) => {
      const perKernel = node.taps ? keptTaps(node.taps.stride, node.taps.offsets[i] ?? 0, taps).length : taps;
      const left = keptOutputs.filter((d) => bits[c * fullOutputs + d] === 1).length;
      weights += left * perKernel;
      if (left > 0) rows += perKernel;
    });
    return { layer, weights, macs: weights * positions, strided, flags: inputs * outputs, lowered: product(rows) };
  });
}

/** Units, of one granularity and in eligible layers: pruned and in all. */
export interface UnitTotal {
  readonly pruned: number;
  readonly units: number;
}

/** Pruned units of masks (the numerator and denominator of the unit ratio of section 3). */
export function prunedUnits(masks: Masks): UnitTotal {
  const all = [...masks.values()];
  const units = all.reduce((sum, bits) => sum + bits.length, 0);
  return { units, pruned: units - all.reduce((sum, bits) => sum + keptUnits(bits).length, 0) };
}

/** Pruned shares of weights and multiply-adds, never one unlabelled "sparsity" (section 3, ours but for `weights`). */
export interface PrunedShares {
  /** Of the weights of eligible layers: the follow-up's sparsity. */
  readonly weights: number;
  /** Of the whole network's multiply-adds and weights. */
  readonly macs: number;
  readonly parameters: number;
}

/** `eligible`: ids of the layers that count for `weights`. */
export function prunedShares(
  before: readonly LayerSize[],
  after: readonly LayerSize[],
  eligible: ReadonlySet<string>,
): PrunedShares {
  const share = (value: (size: LayerSize) => number): number => {
    const [whole, left] = [before, after].map((sizes) => sizes.reduce((sum, size) => sum + value(size), 0));
    return whole ? 1 - (left ?? 0) / whole : 0;
  };
  return {
    weights: share(({ layer, weights }) => (eligible.has(layer) ? weights : 0)),
    macs: share(({ macs }) => macs),
    parameters: share(({ weights }) => weights),
  };
}
