import { countNetwork } from './counts.ts';
import { type ChannelGroup, groupByNode, groupsOf } from './groups.ts';
import type { Network } from './network.ts';

/** Parameters or MACs of the compact network with these widths, by group id; groups not listed keep all channels. */
export type Cost = (widths: ReadonlyMap<string, number>) => number;

/**
 * The cost of a network as a function of its groups' widths, for many questions in a row. A layer's weights and MACs
 * are proportional to the product of the two widths it connects (a depthwise convolution's to its one width), so nothing
 * has to be compacted; the result is countStructure's to the last digit.
 */
export function costOf(network: Network, kind: 'parameters' | 'macs'): Cost {
  const layers = layersOf(network, kind);
  return (widths) => {
    let sum = 0;
    for (const { each, input, output } of layers) {
      const read = input ? (widths.get(input.id) ?? input.channels) : 1;
      sum += each * read * (widths.get(output.id) ?? output.channels);
    }
    return sum;
  };
}

interface LayerCost {
  /** Cost of one input channel for one output channel (behind a flatten: of all its pixels). */
  readonly each: number;
  /** Null for a depthwise convolution, whose channels each read one. */
  readonly input: ChannelGroup | null;
  readonly output: ChannelGroup;
}

function layersOf(network: Network, kind: 'parameters' | 'macs'): LayerCost[] {
  const groupOf = groupByNode(groupsOf(network));
  const counts = new Map(countNetwork(network).layers.map((layer) => [layer.layer, layer[kind]]));
  return network.nodes.flatMap((node): LayerCost[] => {
    if (node.op !== 'conv' && node.op !== 'depthwiseConv' && node.op !== 'dense') return [];
    const [input, output, count] = [groupOf.get(node.input), groupOf.get(node.id), counts.get(node.id)];
    if (!input || !output || count === undefined) return [];
    // A depthwise layer behind a flatten has the group's channels once a pixel: still proportional to the group's width.
    if (node.op === 'depthwiseConv') return [{ each: count / output.channels, input: null, output }];
    return [{ each: count / (input.channels * output.channels), input, output }];
  });
}
