import { groupByNode, groupsOf } from './groups.ts';
import { type Network, type Node, shapesOf } from './network.ts';
import { type ParameterSpec, parametersOf } from './parameters.ts';
import { type Structure, checkStructure, keptOf } from './structure.ts';

/** How one tensor of the compact network is cut out of the full-size one. */
export interface Gather {
  readonly full: ParameterSpec;
  readonly compact: ParameterSpec;
  /** For each axis the kept indices into the full-size tensor, or null where the axis is whole. */
  readonly kept: readonly (readonly number[] | null)[];
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
    if (!kept) return node;
    if (node.op === 'conv') return { ...node, filters: kept.length };
    return node.op === 'dense' ? { ...node, units: kept.length } : node;
  });
  const smaller: Network = { ...network, nodes };
  const compactSpecs = new Map(parametersOf(smaller).map((spec) => [spec.name, spec]));
  const gathers = parametersOf(network).map((full): Gather => {
    const spec = compactSpecs.get(full.name);
    if (!spec) throw new Error(`compact: ${full.name} is missing from the compact network`);
    return { full, compact: spec, kept: full.axes.map((axis) => (axis === null ? null : keptAt(axis))) };
  });
  return { network: smaller, gathers };
}

/** Visits every entry of the compact tensor as (index in the compact tensor, index in the full-size tensor). */
export function forEachKept(gather: Gather, visit: (compactIndex: number, fullIndex: number) => void): void {
  const { shape } = gather.compact;
  const strides = gather.full.shape.map((_, axis) => gather.full.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
  let compactIndex = 0;
  const walk = (axis: number, base: number): void => {
    const size = shape[axis] ?? 1;
    const stride = strides[axis] ?? 1;
    const kept = gather.kept[axis];
    for (let i = 0; i < size; i++) {
      const index = base + (kept ? (kept[i] ?? 0) : i) * stride;
      if (axis === shape.length - 1) visit(compactIndex++, index);
      else walk(axis + 1, index);
    }
  };
  walk(0, 0);
}
