import { compact } from './compact.ts';
import { type Network, convolutionsOf, shapesOf } from './network.ts';
import type { Structure } from './structure.ts';
import { keptTaps } from './taps.ts';

/** Size of one convolution (depthwise or not) or dense layer. */
export interface LayerCount {
  readonly layer: string;
  readonly width: number;
  /** Multiply-adds for one image (what the papers call FLOPs). */
  readonly macs: number;
  /** Weights of the layer; BN and biases are under 1 % and not counted, as in the papers. */
  readonly parameters: number;
}

export interface Counts {
  readonly macs: number;
  readonly parameters: number;
  readonly layers: readonly LayerCount[];
}

/** MACs and parameters of a network, layer by layer: convolutions (depthwise ones too) and dense layers only. */
export function countNetwork(network: Network): Counts {
  const shapes = shapesOf(network);
  const layers = network.nodes.flatMap((node): LayerCount[] => {
    if (node.op !== 'conv' && node.op !== 'depthwiseConv' && node.op !== 'dense') return [];
    const [height, width, outputs] = shapes.get(node.id) ?? [0, 0, 0];
    // A depthwise convolution's output channel reads one input channel.
    const read = node.op === 'depthwiseConv' ? 1 : (shapes.get(node.input)?.[2] ?? 0);
    const taps = node.op === 'dense' ? 1 : node.kernel * node.kernel;
    const sparse = node.op === 'conv' ? node.taps : undefined;
    // Rows of the lowered matrix: (input channel, tap) pairs that are kept.
    const rows = sparse
      ? sparse.offsets.reduce((sum, offset) => sum + keptTaps(sparse.stride, offset, taps).length, 0)
      : taps * read;
    const parameters = rows * outputs;
    return [{ layer: node.id, width: outputs, parameters, macs: parameters * height * width }];
  });
  return {
    layers,
    macs: layers.reduce((sum, layer) => sum + layer.macs, 0),
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
  };
}

/** Counts of the compact network that a structure leaves. */
export function countStructure(network: Network, structure: Structure): Counts {
  return countNetwork(compact(network, structure).network);
}

/**
 * Output channels of every convolution, in network order. Depthwise ones are left out: they have the width of what feeds
 * them.
 */
export type Widths = Readonly<Record<string, number>>;

export function widthsOf(network: Network): Widths {
  return Object.fromEntries(convolutionsOf(network).map((node) => [node.id, node.filters]));
}
