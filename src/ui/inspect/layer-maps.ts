import {
  type Network,
  type Node,
  type Structure,
  convolutionsOf,
  groupByNode,
  groupsOf,
  inputsOf,
  keptOf,
  shapesOf,
} from '../../core/network/index.ts';
import type { Range } from './colour-scale.ts';

/** What a convolution's channels look like once they are normalised and activated. */
export interface LayerOutput {
  /** The first convolution whose output it is. */
  readonly layer: string;
  readonly node: string;
  readonly height: number;
  readonly width: number;
  /** Of the full-size network. */
  readonly channels: number;
}

/**
 * The node whose output shows a convolution's channels: the ReLU that follows it, behind its batch norm, gate and a sum
 * with a shortcut. Where none follows (the linear ends of MobileNetV2's blocks), the batch norm or gate.
 */
export function outputNodeOf(network: Network, conv: string): string {
  const readersOf = (id: string): readonly Node[] => network.nodes.filter((node) => inputsOf(node).includes(id));
  const activation = (readers: readonly Node[]): Node | undefined =>
    readers.find(({ op }) => op === 'relu' || op === 'relu6');
  let node = conv;
  for (;;) {
    const readers = readersOf(node);
    const found = activation(readers);
    if (found) return found.id;
    const next = readers.find(({ op }) => op === 'batchNorm' || op === 'gate');
    if (!next)
      return activation(readers.filter(({ op }) => op === 'add').flatMap(({ id }) => readersOf(id)))?.id ?? node;
    node = next.id;
  }
}

/** The outputs of all convolutions in network order; a sum of two is listed once. */
export function layerOutputs(network: Network): readonly LayerOutput[] {
  const shapes = shapesOf(network);
  const outputs = new Map<string, LayerOutput>();
  for (const { id } of convolutionsOf(network)) {
    const node = outputNodeOf(network, id);
    const [height, width, channels] = shapes.get(node) ?? [0, 0, 0];
    if (!outputs.has(node)) outputs.set(node, { layer: id, node, height, width, channels });
  }
  return [...outputs.values()];
}

/** One channel's map of one image. */
export interface ChannelMapOf {
  readonly mean: number;
  readonly least: number;
  readonly most: number;
  /** Its place among the kept channels. */
  readonly place: number;
}

/** The maps of a layer in one network; by original channel, null where it is pruned. */
export interface LayerMaps {
  readonly height: number;
  readonly width: number;
  /** [height, width, kept channels] of one image. */
  readonly values: Float32Array;
  readonly kept: number;
  readonly channels: readonly (ChannelMapOf | null)[];
}

/** Puts the compact network's maps of a node (of one image) back to the places of its original channels. */
export function layerMaps(
  network: Network,
  structure: Structure,
  node: string,
  {
    shape: [, height, width, depth],
    values,
  }: { readonly shape: readonly [number, number, number, number]; readonly values: Float32Array },
): LayerMaps {
  const group = groupByNode(groupsOf(network)).get(node);
  if (!group) throw new Error(`The network ${network.id} has no node "${node}".`);
  const kept = keptOf(structure, group);
  const channels: (ChannelMapOf | null)[] = Array.from({ length: group.channels }, () => null);
  kept.forEach((channel, place) => {
    let [sum, least, most] = [0, Infinity, -Infinity];
    for (let at = place; at < height * width * depth; at += depth) {
      const value = values[at] ?? 0;
      sum += value;
      least = Math.min(least, value);
      most = Math.max(most, value);
    }
    channels[channel] = { mean: sum / (height * width), least, most, place };
  });
  return { height, width, values, kept: kept.length, channels };
}

/** The range that all these maps are drawn in: from 0, or the least value below it, to the largest. */
export function sharedRange(layers: readonly (LayerMaps | null)[]): Range {
  let [least, most] = [0, 0];
  for (const channel of layers.flatMap((layer) => layer?.channels ?? [])) {
    least = Math.min(least, channel?.least ?? 0);
    most = Math.max(most, channel?.most ?? 0);
  }
  return { least, most };
}
