import type { TapPattern } from './taps.ts';

/**
 * A network is a list of nodes in topological order, as plain JSON. Everything else (shapes, channel groups, counts,
 * compact networks, compiled plans) is derived from it.
 *
 * Layouts: activations NHWC, convolution kernels HWIO, dense kernels [in, out], as in tfjs. Padding is `same` with tfjs'
 * rule (at stride 2 on even sizes the low side gets 0). Convolutions have no bias: a batch norm follows each of them.
 */
export type Node =
  | { readonly id: string; readonly op: 'input'; readonly shape: Shape }
  | {
      readonly id: string;
      readonly op: 'conv';
      readonly input: string;
      readonly filters: number;
      readonly kernel: number;
      readonly stride: number;
      /** Taps that are kept for each input channel; all when absent. */
      readonly taps?: TapPattern;
    }
  | { readonly id: string; readonly op: 'batchNorm'; readonly input: string }
  | {
      readonly id: string;
      readonly op: 'depthwiseConv';
      readonly input: string;
      readonly kernel: number;
      readonly stride: number;
    }
  | { readonly id: string; readonly op: 'relu'; readonly input: string }
  | { readonly id: string; readonly op: 'relu6'; readonly input: string }
  /** Multiplies every channel by a trained number: what schemes insert to learn which channels matter. */
  | { readonly id: string; readonly op: 'gate'; readonly input: string }
  | {
      readonly id: string;
      readonly op: 'maxPool';
      readonly input: string;
      readonly size: number;
      readonly stride: number;
    }
  | {
      readonly id: string;
      readonly op: 'avgPool';
      readonly input: string;
      readonly size: number;
      readonly stride: number;
    }
  | { readonly id: string; readonly op: 'globalAvgPool'; readonly input: string }
  /** [height, width, channels] as one vector, in that order (channels last). */
  | { readonly id: string; readonly op: 'flatten'; readonly input: string }
  | { readonly id: string; readonly op: 'add'; readonly inputs: readonly [string, string] }
  | { readonly id: string; readonly op: 'dense'; readonly input: string; readonly units: number };

export type NodeOf<Op extends Node['op']> = Extract<Node, { op: Op }>;

/** Height, width and channels of one image's activation; vectors are [1, 1, channels]. */
export type Shape = readonly [height: number, width: number, channels: number];

export interface Network {
  readonly id: string;
  /** Topological order: a node's inputs stand before it. The last node is the classifier and gives the logits. */
  readonly nodes: readonly Node[];
}

/** BN epsilon and share of the old running statistic kept by one step (runs here are short). */
export const BATCH_NORM_EPSILON = 1e-5;
export const BATCH_NORM_MOMENTUM = 0.9;

/** The ids a node reads, in order. */
export function inputsOf(node: Node): readonly string[] {
  switch (node.op) {
    case 'input':
      return [];
    case 'add':
      return node.inputs;
    default:
      return [node.input];
  }
}

/** Size of a `same`-padded window operation's output along one axis. */
export function sameOutput(size: number, stride: number): number {
  return Math.ceil(size / stride);
}

/** Zero rows (or columns) that tfjs' `same` padding puts before the first one. */
export function samePadLow(size: number, kernel: number, stride: number): number {
  const total = Math.max((sameOutput(size, stride) - 1) * stride + kernel - size, 0);
  return Math.floor(total / 2);
}

/** Output shape of every node. Throws when an id is unknown, repeated or used before it is defined, or shapes clash. */
export function shapesOf(network: Network): ReadonlyMap<string, Shape> {
  const shapes = new Map<string, Shape>();
  for (const node of network.nodes) {
    if (shapes.has(node.id)) throw new Error(`network ${network.id}: two nodes are called "${node.id}"`);
    const inputs = inputsOf(node).map((id) => {
      const shape = shapes.get(id);
      if (!shape) throw new Error(`network ${network.id}: "${node.id}" reads "${id}", which no earlier node defines`);
      return shape;
    });
    shapes.set(node.id, outputShape(node, inputs));
  }
  return shapes;
}

function outputShape(node: Node, inputs: readonly Shape[]): Shape {
  const first = inputs[0] ?? [0, 0, 0];
  switch (node.op) {
    case 'input':
      return node.shape;
    case 'conv':
      return [sameOutput(first[0], node.stride), sameOutput(first[1], node.stride), node.filters];
    case 'depthwiseConv':
    case 'maxPool':
    case 'avgPool':
      return [sameOutput(first[0], node.stride), sameOutput(first[1], node.stride), first[2]];
    case 'globalAvgPool':
      return [1, 1, first[2]];
    case 'flatten':
      return [1, 1, first[0] * first[1] * first[2]];
    case 'dense':
      if (first[0] !== 1 || first[1] !== 1)
        throw new Error(`"${node.id}": a dense layer reads a vector, not a map; flatten it first`);
      return [1, 1, node.units];
    case 'add': {
      const second = inputs[1] ?? [0, 0, 0];
      if (first.some((size, axis) => size !== second[axis])) {
        throw new Error(`"${node.id}" adds ${first.join('x')} to ${second.join('x')}`);
      }
      return first;
    }
    case 'batchNorm':
    case 'relu':
    case 'relu6':
    case 'gate':
      return first;
  }
}

/** The node called `id`, of kind `op`. Throws when there is none. */
export function nodeOf<Op extends Node['op']>(network: Network, id: string, op: Op): NodeOf<Op> {
  const node = network.nodes.find((candidate) => candidate.id === id);
  if (!node || node.op !== op) throw new Error(`network ${network.id}: no ${op} node is called "${id}"`);
  return node as NodeOf<Op>;
}

/**
 * The convolutions in network order: the layers that `widths`, charts and the channel map list. Depthwise ones are not
 * among them: they have the width of what feeds them.
 */
export function convolutionsOf(network: Network): readonly NodeOf<'conv'>[] {
  return network.nodes.filter((node) => node.op === 'conv');
}

/** Ids of the nodes that read `id`. */
function readersOf(network: Network, id: string): readonly Node[] {
  return network.nodes.filter((node) => inputsOf(node).includes(id));
}

/** The batch norm that reads convolution `convId` directly (not one behind a depthwise convolution), or undefined. */
export function batchNormOf(network: Network, convId: string): NodeOf<'batchNorm'> | undefined {
  return readersOf(network, convId).find((node) => node.op === 'batchNorm');
}
