import { type Network, inputsOf, shapesOf } from './network.ts';

/**
 * Channels that can only be kept or pruned together: everything tied by batch norm, activation, gate, pooling, depthwise
 * convolution, flattening or addition. A flatten repeats the group's channels once for every pixel.
 */
export interface ChannelGroup {
  /** The first producer's id (or `input`). */
  readonly id: string;
  /** Channels of its producers. Behind a flatten a node's output has this many for each pixel that was flattened. */
  readonly channels: number;
  /** Convolutions or dense layers whose output channels belong to the group, in network order. */
  readonly producers: readonly string[];
  /** Convolutions and dense layers that read the group's channels. */
  readonly readers: readonly string[];
  /** Every node whose output carries the group's channels. */
  readonly members: readonly string[];
  /** Whether channels may be cut at all: never the image's channels, never the classifier's classes. */
  readonly cuttable: boolean;
}

/** Nodes that make channels of their own instead of passing on their input's (as depthwise convolutions do). */
const producesChannels = (op: string): boolean => op === 'input' || op === 'conv' || op === 'dense';

/** Finds the channel groups by union over the graph, in network order of their first member. */
export function groupsOf(network: Network): readonly ChannelGroup[] {
  const parent = new Map<string, string>();
  const find = (id: string): string => {
    const up = parent.get(id) ?? id;
    return up === id ? id : find(up);
  };
  for (const node of network.nodes) {
    parent.set(node.id, node.id);
    if (producesChannels(node.op)) continue;
    for (const input of inputsOf(node)) parent.set(find(node.id), find(input));
  }

  const shapes = shapesOf(network);
  const classifier = network.nodes.at(-1)?.id;
  const roots = [...new Set(network.nodes.map((node) => find(node.id)))];
  return roots.map((root) => {
    const members = network.nodes.filter((node) => find(node.id) === root);
    const producers = members.filter((node) => node.op === 'conv' || node.op === 'dense').map((node) => node.id);
    const readers = network.nodes
      .filter((node) => (node.op === 'conv' || node.op === 'dense') && find(node.input) === root)
      .map((node) => node.id);
    const channels = shapes.get(root)?.[2] ?? 0;
    // Flattened maps of different widths can be equally long, but their channels do not line up.
    const odd = producers.find((id) => shapes.get(id)?.[2] !== channels);
    if (odd) throw new Error(`network ${network.id}: "${odd}" and "${root}" are added but differ in channels`);
    const fixed = members.some((node) => node.op === 'input' || node.id === classifier);
    return {
      id: producers[0] ?? root,
      channels,
      producers,
      readers,
      members: members.map((node) => node.id),
      cuttable: !fixed,
    };
  });
}

/** Which group each node's output channels belong to. */
export function groupByNode(groups: readonly ChannelGroup[]): ReadonlyMap<string, ChannelGroup> {
  return new Map(groups.flatMap((group) => group.members.map((id) => [id, group] as const)));
}
