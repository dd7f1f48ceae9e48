import { type Network, groupByNode, groupsOf, keptOf, nodeOf } from '../../core/network/index.ts';
import { type ConvLayer, kernelLayers, mapGroups } from '../../core/sparsity/index.ts';
import type { Pruned } from './held.ts';

/** The units of a channel group or a convolution that are still there. */
export interface Survivors {
  readonly id: string;
  /** How many units the full-size one has. */
  readonly all: number;
  /** Indices of those still there, ascending. */
  readonly units: readonly number[];
}

/** Maps of each group that stages may prune. */
export const mapSurvivors = (network: Network, { structure }: Pruned): readonly Survivors[] =>
  mapGroups(network).map((group) => ({ id: group.id, all: group.channels, units: keptOf(structure, group) }));

/** Source maps of each of the convolutions that are kept. */
export function sourceSurvivors(
  network: Network,
  layers: readonly ConvLayer[],
  { structure }: Pruned,
): readonly Survivors[] {
  const groupOf = groupByNode(groupsOf(network));
  return layers.map(({ id, inputs }) => {
    const group = groupOf.get(nodeOf(network, id, 'conv').input);
    return { id, all: inputs, units: group ? keptOf(structure, group) : [] };
  });
}

/** Kernels of each convolution, at c * outputs + d, that lie between kept maps and are not masked. */
export function kernelSurvivors(
  network: Network,
  pruned: Pruned,
  layers: readonly ConvLayer[] = kernelLayers(network),
): readonly Survivors[] {
  const groupOf = groupByNode(groupsOf(network));
  const sources = sourceSurvivors(network, layers, pruned);
  return layers.map(({ id, inputs, outputs }, i) => {
    const output = groupOf.get(id);
    const kept = output ? keptOf(pruned.structure, output) : [];
    const bits = pruned.held.kernels.get(id);
    const units = (sources[i]?.units ?? []).flatMap((c) => kept.map((d) => c * outputs + d));
    return { id, all: inputs * outputs, units: bits ? units.filter((unit) => bits[unit] === 1) : units };
  });
}

/** How many units are still there. */
export const countOf = (survivors: readonly Survivors[]): number =>
  survivors.reduce((sum, { units }) => sum + units.length, 0);

/** Values of the survivors among zeros for all units of the full-size one. */
export function spread({ all, units }: Survivors, values: ArrayLike<number>): readonly number[] {
  const spreadOut = Array<number>(all).fill(0);
  units.forEach((unit, i) => (spreadOut[unit] = values[i] ?? 0));
  return spreadOut;
}
