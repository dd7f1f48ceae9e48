import {
  type ChannelGroup,
  type Network,
  type Node,
  countNetwork,
  groupByNode,
  groupsOf,
  inputsOf,
} from '../network/index.ts';

/** A convolution (depthwise too) or dense layer as densities see it. */
export interface DensityLayer {
  readonly id: string;
  /** Weights and multiply-adds of the whole layer. */
  readonly weights: number;
  readonly macs: number;
  /**
   * Ids of the croppable channel groups that scale its weights; one that is both input and output stands twice; a
   * depthwise convolution has its group once.
   */
  readonly groups: readonly string[];
  /** A 1x1 shortcut beside a block: counts as cost, not in the objective (section 3.3). */
  readonly shortcut: boolean;
}

/**
 * Groups whose channels a crop may cut, in network order: those that convolutions alone write and no addition touches.
 * Residual streams stay, and so do the units of hidden dense layers, as for every scheme.
 */
export function croppableGroups(network: Network, groups = groupsOf(network)): readonly ChannelGroup[] {
  const ops = new Map(network.nodes.map(({ id, op }) => [id, op]));
  return groups.filter(
    ({ cuttable, producers, members }) =>
      cuttable &&
      producers.length > 0 &&
      producers.every((id) => ops.get(id) === 'conv') &&
      members.every((id) => ops.get(id) !== 'add'),
  );
}

/** Every convolution and dense layer, in network order. */
export function densityLayers(network: Network, all = groupsOf(network)): readonly DensityLayer[] {
  const croppable = new Set(croppableGroups(network, all).map(({ id }) => id));
  const groupOf = groupByNode(all);
  const nodes = new Map(network.nodes.map((node) => [node.id, node]));
  const shortcuts = shortcutsOf(network, nodes);
  return countNetwork(network).layers.map(({ layer, parameters, macs }) => {
    const node = nodes.get(layer);
    const inputs = node && node.op !== 'depthwiseConv' ? inputsOf(node) : [];
    const groups = [...inputs, layer].flatMap((id) => groupOf.get(id)?.id ?? []);
    return {
      id: layer,
      weights: parameters,
      macs,
      groups: groups.filter((id) => croppable.has(id)),
      shortcut: shortcuts.has(layer),
    };
  });
}

/** 1x1 convolutions that lead straight to an addition, whose other side comes from the same place but not through them. */
function shortcutsOf(network: Network, nodes: ReadonlyMap<string, Node>): ReadonlySet<string> {
  const writer = (id: string): Node | undefined => {
    const node = nodes.get(id);
    return node?.op === 'batchNorm' ? writer(node.input) : node;
  };
  const comesFrom = (id: string, source: string, avoiding: string): boolean => {
    const seen = new Set<string>();
    const open = [id];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const node = nodes.get(next);
      if (!node || next === avoiding || seen.has(next)) continue;
      seen.add(next);
      open.push(...inputsOf(node));
    }
    return seen.has(source);
  };
  const found = network.nodes.flatMap((node) => {
    if (node.op !== 'add') return [];
    const [left, right] = node.inputs;
    const sides = [
      { side: writer(left), other: right },
      { side: writer(right), other: left },
    ];
    return sides.flatMap(({ side, other }) =>
      side?.op === 'conv' && side.kernel === 1 && comesFrom(other, side.input, side.id) ? [side.id] : [],
    );
  });
  return new Set(found);
}
