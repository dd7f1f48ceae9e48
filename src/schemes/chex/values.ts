import {
  type Network,
  type ParameterSpec,
  type Tensors,
  groupByNode,
  groupsOf,
  initialTensor,
  parametersOf,
} from '../../core/network/index.ts';
import { random4 } from '../../core/random/random.ts';

/** Where BN scales start (the released code: 0.5 instead of 1). */
export const INITIAL_GAMMA = 0.5;

/** Axes of a tensor along which a group's channels lie: its own (`out`) or those it reads (`in`). */
function slicesOf(
  network: Network,
  groupId: string,
): readonly { spec: ParameterSpec; axis: number; side: 'in' | 'out'; channels: number }[] {
  const groupOf = groupByNode(groupsOf(network));
  return parametersOf(network).flatMap((spec) =>
    spec.axes.flatMap((node, axis) => {
      const group = node === null ? undefined : groupOf.get(node);
      if (group?.id !== groupId) return [];
      return [{ spec, axis, side: node === spec.node ? ('out' as const) : ('in' as const), channels: group.channels }];
    }),
  );
}

/** Tensors that hold anything of the given groups' channels: what must be read before values are replaced. */
export const tensorsOfGroups = (network: Network, groups: readonly string[]): string[] => [
  ...new Set(groups.flatMap((group) => slicesOf(network, group).map(({ spec }) => spec.name))),
];

/**
 * Full-size tensors in which the regrown channels start otherwise than with their most recently used values.
 * `zero` (ours): outgoing weights are zero, so that regrowing leaves the network's function as it is while the channel
 * still gets a gradient. `random` (ours): everything of the channel starts anew.
 */
export function freshValues(
  network: Network,
  regrown: ReadonlyMap<string, readonly number[]>,
  kind: 'zero' | 'random',
  tensors: Tensors,
  draw: { readonly seed: number; readonly step: number },
): Tensors {
  const result = new Map<string, Float32Array>();
  const [seed] = random4(draw.seed, 'prune', draw.step, 0xffffffff);
  for (const [group, channels] of regrown) {
    for (const { spec, axis, side, channels: width } of slicesOf(network, group)) {
      if (kind === 'zero' && side === 'out') continue;
      const values = result.get(spec.name) ?? tensors.get(spec.name)?.slice();
      if (!values) throw new Error(`chex: ${spec.name} was not read`);
      const fresh = kind === 'zero' ? new Float32Array(values.length) : startingValues(spec, seed);
      copyChannels(spec, axis, width, channels, fresh, values);
      result.set(spec.name, values);
    }
  }
  return result;
}

function startingValues(spec: ParameterSpec, seed: number): Float32Array {
  const values = initialTensor(spec, seed);
  return spec.role === 'gamma' ? values.fill(INITIAL_GAMMA) : values;
}

/** Copies the entries whose index along `axis`, a whole number of times the group's `width`, is one of `channels`. */
function copyChannels(
  spec: ParameterSpec,
  axis: number,
  width: number,
  channels: readonly number[],
  source: Float32Array,
  target: Float32Array,
): void {
  const inner = spec.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  // Behind a flatten the axis counts the channels once a pixel, so its size is a multiple of the width.
  const wanted = new Set(channels);
  for (let i = 0; i < target.length; i++) {
    if (wanted.has(Math.floor(i / inner) % width)) target[i] = source[i] ?? 0;
  }
}
