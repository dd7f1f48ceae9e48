import { type Network, batchNormOf, groupByNode, groupsOf, shapesOf } from '../../core/network/index.ts';
import type { Filters } from '../shared/columns.ts';

/** A prunable convolution: the only producer of its channel group, with its batch norm (chex.md 3.0). */
export interface ChexLayer extends Filters {
  readonly conv: string;
  /** Name of the BN scale [out]. */
  readonly gamma: string;
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
