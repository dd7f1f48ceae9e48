import { groupByNode, groupsOf } from './groups.ts';
import { type Network, type Node, shapesOf } from './network.ts';
import { type ParameterSpec, parametersOf } from './parameters.ts';
import { type Structure, checkStructure, keptOf } from './structure.ts';
import { type TapPattern, keepsTap } from './taps.ts';

/** How one tensor of the compact network is cut out of the full-size one. */
export interface Gather {
  readonly full: ParameterSpec;
  readonly compact: ParameterSpec;
  /** For each axis the kept indices into the full-size tensor, or null where the axis is whole. */
  readonly kept: readonly (readonly number[] | null)[];
  /** Taps that the compact convolution keeps for each of its input channels, or null when all. */
  readonly taps: TapPattern | null;
}

export interface Compact {
  readonly network: Network;
  readonly gathers: readonly Gather[];
}

/**
 * The physically smaller network that a structure leaves, and how each of its tensors is gathered from the full-size
 * network. Node ids stay the same. Throws when the structure does not fit.
 */
export function compact(network: Network, structure: Structure): Compact {
  checkStructure(network, structure);
  const groupOf = groupByNode(groupsOf(network));
  const shapes = shapesOf(network);
  /** Kept indices among a node's output channels; behind a flatten pixel p's channel k has index p * channels + k. */
  const keptAt = (id: string): readonly number[] | null => {
    const group = groupOf.get(id);
    if (!group) return null;
    const kept = keptOf(structure, group);
    if (kept.length === group.channels) return null;
    const pixels = (shapes.get(id)?.[2] ?? 0) / group.channels;
    return Array.from({ length: pixels }, (_, p) => kept.map((channel) => p * group.channels + channel)).flat();
  };

  const nodes = network.nodes.map((node): Node => {
    const kept = keptAt(node.id);
    if (node.op === 'conv') {
      const pattern = structure.taps?.[node.id];
      const inputs = keptAt(node.input);
      const taps = pattern && {
        stride: pattern.stride,
        offsets: inputs ? inputs.map((channel) => pattern.offsets[channel] ?? 0) : pattern.offsets,
      };
      return { ...node, filters: kept?.length ?? node.filters, ...(taps && taps.stride > 1 ? { taps } : {}) };
    }
    return kept && node.op === 'dense' ? { ...node, units: kept.length } : node;
  });
  const smaller: Network = { ...network, nodes };
  const compactSpecs = new Map(parametersOf(smaller).map((spec) => [spec.name, spec]));
  const gathers = parametersOf(network).map((full): Gather => {
    const spec = compactSpecs.get(full.name);
    if (!spec) throw new Error(`compact: ${full.name} is missing from the compact network`);
    const node = nodes.find(({ id }) => id === full.node);
    return {
      full,
      compact: spec,
      kept: full.axes.map((axis) => (axis === null ? null : keptAt(axis))),
      taps: (node?.op === 'conv' && node.taps) || null,
    };
  });
  return { network: smaller, gathers };
}

/**
 * Visits every kept entry of the compact tensor as (index in the compact tensor, index in the full-size tensor). Entries
 * at pruned taps have a place in the compact tensor but are never visited: they stay zero there, untouched in the full one.
 */
export function forEachKept(gather: Gather, visit: (compactIndex: number, fullIndex: number) => void): void {
  const { shape } = gather.compact;
  const strides = gather.full.shape.map((_, axis) => gather.full.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  const { taps } = gather;
  const [, , inputs = 1, outputs = 1] = shape;
  const pruned = (index: number): boolean =>
    taps !== null &&
    // [height, width, in, out]: what stands before the last two axes counts the taps row by row.
    !keepsTap(taps, Math.floor(index / outputs) % inputs, Math.floor(index / (outputs * inputs)));
  let compactIndex = 0;
  const walk = (axis: number, base: number): void => {
    const size = shape[axis] ?? 1;
    const stride = strides[axis] ?? 1;
    const kept = gather.kept[axis];
    for (let i = 0; i < size; i++) {
      const index = base + (kept ? (kept[i] ?? 0) : i) * stride;
      if (axis === shape.length - 1) {
        if (!pruned(compactIndex)) visit(compactIndex, index);
        compactIndex++;
      } else walk(axis + 1, index);
    }
  };
  walk(0, 0);
}
