import {
  type ChannelGroup,
  type Network,
  type Structure,
  type Tensors,
  batchNormOf,
  groupByNode,
  groupsOf,
  keptOf,
  shapesOf,
} from '../../core/network/index.ts';
import type { Columns } from '../../core/linalg/gram.ts';

/** A prunable convolution: the only producer of its channel group, with its batch norm (chex.md 3.0). */
export interface ChexLayer {
  readonly group: ChannelGroup;
  readonly conv: string;
  /** Names of the full-size kernel [k, k, in, out] and BN scale [out]. */
  readonly kernel: string;
  readonly gamma: string;
  /** Channel group that the convolution reads. */
  readonly input: ChannelGroup;
  /** Positions of the kernel. */
  readonly taps: number;
}

/**
 * Layers whose width is free: groups written by exactly one convolution. In ResNets these are the inner widths of the
 * blocks, in MobileNetV2 the expanded ones (and what else no addition ties). A depthwise convolution passes channels on
 * one by one: its kernel and its batch norm go with the group, while the scores are those of the convolution that makes
 * the channels and of the batch norm right behind it. Throws a sentence when there are none.
 */
export function prunableLayers(network: Network): readonly ChexLayer[] {
  const groups = groupsOf(network);
  const groupOf = groupByNode(groups);
  const shapes = shapesOf(network);
  const layers = groups.flatMap((group): ChexLayer[] => {
    const [conv, ...others] = group.producers;
    if (!group.cuttable || !conv || others.length > 0) return [];
    const node = network.nodes.find((candidate) => candidate.id === conv);
    const norm = batchNormOf(network, conv);
    if (node?.op !== 'conv' || !norm) return [];
    const input = groupOf.get(node.input);
    // A convolution of a flattened map has the group's channels once a pixel, which the columns below do not provide for.
    if (!input || shapes.get(node.input)?.[2] !== input.channels) return [];
    return [{ group, conv, kernel: `${conv}/kernel`, gamma: `${norm.id}/gamma`, input, taps: node.kernel ** 2 }];
  });
  if (layers.length > 0) return layers;
  throw new Error(
    `model.id: CHEX finds nothing to prune in ${network.id}; it needs a convolution that is followed by a batch norm ` +
      'and whose channels no other convolution adds to',
  );
}

/** Full fan-in of a layer. */
export const fanIn = (layer: ChexLayer): number => layer.taps * layer.input.channels;

/**
 * Weights of every output channel as a column, [fan-in] each, over the input channels that are on (the others
 * contribute zero). `tensors` holds the full-size kernel.
 */
export function columnsOf(layer: ChexLayer, tensors: Tensors, structure: Structure): Columns {
  const kernel = tensors.get(layer.kernel);
  if (!kernel) throw new Error(`chex: ${layer.kernel} was not read`);
  const inputs = keptOf(structure, layer.input);
  const { channels } = layer.group;
  return Array.from({ length: channels }, (_, channel) => {
    const column = new Float64Array(layer.taps * inputs.length);
    let k = 0;
    for (let tap = 0; tap < layer.taps; tap++) {
      for (const input of inputs) column[k++] = kernel[(tap * layer.input.channels + input) * channels + channel] ?? 0;
    }
    return column;
  });
}

export function l1Norm(column: ArrayLike<number>): number {
  let sum = 0;
  for (let k = 0; k < column.length; k++) sum += Math.abs(column[k] ?? 0);
  return sum;
}

/** Indices from the largest value to the smallest; ties: lower index first. */
export function ranking(values: ArrayLike<number>): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index);
  return order.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/** Indices of the `count` largest values, ascending; ties: lower index. */
export const largest = (values: ArrayLike<number>, count: number): number[] =>
  ranking(values)
    .slice(0, count)
    .sort((a, b) => a - b);
