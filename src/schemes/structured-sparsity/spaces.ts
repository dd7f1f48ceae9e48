import { type Network, type Tensors, denseStructure } from '../../core/network/index.ts';
import type { Candidate } from '../../core/scheme/scheme.ts';
import type { Operations } from '../../core/search/index.ts';
import {
  type ConvLayer,
  type Masks,
  type Offsets,
  kernelLayers,
  kernelNorms,
  largest,
  mapGroups,
  mapNorms,
  maskOperations,
  offsetOperations,
  snapOffsets,
  stridedLayers,
  unitCount,
} from '../../core/sparsity/index.ts';
import { type Held, type Pruned, heldMasks, masked, survivingMasks } from './held.ts';
import { type Survivors, kernelSurvivors, mapSurvivors, sourceSurvivors, spread } from './survivors.ts';

/** The masks that a stage chooses among. A mask covers all layers at once, and only units that are still there. */
export interface Space<Mask> {
  readonly operations: Required<Operations<Mask>>;
  /** What the sums of absolute surviving weights choose. */
  readonly magnitude: Mask;
  /** The network with a mask, before anything is cleaned up. */
  pruned(mask: Mask): Pruned;
  /** The same for scoring. */
  candidate(mask: Mask): Candidate;
}

/** What a stage starts from. */
export interface Ground {
  readonly network: Network;
  readonly before: Pruned;
  /** Full-size kernels as the run has them: of maps the producers', else those of the layers that may be pruned. */
  readonly kernels: Tensors;
  /** Process noise of the particle filter. */
  readonly noise: number;
}

const kernelName = (id: string): string => `${id}/kernel`;

/** Kernels that the space of a granularity needs. */
export const kernelsFor = (network: Network, granularity: 'map' | 'kernel' | 'stride'): readonly string[] =>
  (granularity === 'map'
    ? mapGroups(network).flatMap(({ producers }) => producers)
    : (granularity === 'kernel' ? kernelLayers(network) : stridedLayers(network)).map(({ id }) => id)
  ).map(kernelName);

/** The kernels with zeros where a weight does not survive, so that norms count surviving weights alone. */
function survivingKernels({ network, before, kernels }: Ground): (id: string) => Float32Array {
  const surviving = masked(kernels, survivingMasks(network, before, [...kernels.keys()]));
  return (id) => surviving.get(kernelName(id)) ?? new Float32Array();
}

/** Maps' sums of absolute surviving weights, by channel group. */
export type MapNorms = ReadonlyMap<string, ArrayLike<number>>;

/** Whole feature maps: `keep` of those still there, in every group that stages may prune. */
export function mapSpace(ground: Ground, keep: number): Space<Masks> & { readonly norms: MapNorms } {
  const { network, before, noise } = ground;
  const survivors = mapSurvivors(network, before);
  const weightsOf = survivingKernels(ground);
  const norms = new Map(mapGroups(network).map((group) => [group.id, mapNorms(group, weightsOf)]));
  const pruned = (masks: Masks): Pruned => {
    const chosen = survivors.map(({ id, units }) => [id, units.filter((_, i) => masks.get(id)?.[i] === 1)]);
    const channels = { ...denseStructure(network).channels, ...before.structure.channels };
    return {
      ...before,
      structure: { ...before.structure, channels: { ...channels, ...Object.fromEntries(chosen) } },
    };
  };
  return {
    norms,
    operations: maskOperations(countsOf(survivors, keep), noise),
    magnitude: largestOf(survivors, keep, (id) => norms.get(id) ?? []),
    pruned,
    candidate: (masks) => ({ structure: pruned(masks).structure }),
  };
}

/** Whole kernels: `keep` of those still there, in every convolution but the first. */
export function kernelSpace(ground: Ground, keep: number): Space<Masks> {
  const { network, before, noise } = ground;
  const layers = kernelLayers(network);
  const survivors = kernelSurvivors(network, before, layers);
  const weightsOf = survivingKernels(ground);
  const norms = new Map(layers.map((layer) => [layer.id, kernelNorms(layer, weightsOf(layer.id))]));
  const pruned = (masks: Masks): Pruned => {
    const kernels = survivors.map((own) => [own.id, Uint8Array.from(spread(own, masks.get(own.id) ?? []))] as const);
    return { ...before, held: { ...before.held, kernels: new Map(kernels) } };
  };
  return {
    operations: maskOperations(countsOf(survivors, keep), noise),
    magnitude: largestOf(survivors, keep, (id) => norms.get(id) ?? []),
    pruned,
    candidate: (masks) => maskedCandidate(ground, pruned(masks).held),
  };
}

/** Strided taps under the constraint: an offset for each source map that is still there. */
export function tapSpace(ground: Ground, stride: number): Space<Offsets> {
  const { network, before, noise } = ground;
  const layers = stridedLayers(network);
  const survivors = sourceSurvivors(network, layers, before);
  const weightsOf = survivingKernels(ground);
  const pruned = (offsets: Offsets): Pruned => ({
    ...before,
    structure: {
      ...before.structure,
      taps: { ...before.structure.taps, ...Object.fromEntries(patternsOf(survivors, offsets, stride)) },
    },
  });
  return {
    operations: offsetOperations(stridedOf(layers, survivors, stride), noise),
    magnitude: snappedOf(layers, survivors, stride, (layer) => snapOffsets(layer, weightsOf(layer.id), stride).offsets),
    pruned,
    candidate: (offsets) => ({ structure: pruned(offsets).structure }),
  };
}

/** Strided taps without the constraint: an offset for each kernel that is still there. */
export function freeSpace(ground: Ground, stride: number): Space<Offsets> {
  const { network, before, noise } = ground;
  const layers = stridedLayers(network);
  const survivors = kernelSurvivors(network, before, layers);
  const weightsOf = survivingKernels(ground);
  const pruned = (offsets: Offsets): Pruned => ({
    ...before,
    held: { ...before.held, free: new Map(patternsOf(survivors, offsets, stride)) },
  });
  const snap = ({ id, inputs, outputs, taps }: ConvLayer): readonly number[] =>
    // To an index of kernels every kernel is a source map with one output.
    snapOffsets({ inputs: inputs * outputs, outputs: 1, taps }, weightsOf(id), stride).offsets;
  return {
    operations: offsetOperations(stridedOf(layers, survivors, stride), noise),
    magnitude: snappedOf(layers, survivors, stride, snap),
    pruned,
    candidate: (offsets) => maskedCandidate(ground, pruned(offsets).held),
  };
}

const countsOf = (survivors: readonly Survivors[], keep: number) =>
  survivors.map(({ id, units }) => unitCount(id, units.length, keep));

/** The masks of the largest norms; `normsOf` gives those of all units of the full-size group or layer. */
const largestOf = (survivors: readonly Survivors[], keep: number, normsOf: (id: string) => ArrayLike<number>): Masks =>
  new Map(
    survivors.map(({ id, units }) => {
      const norms = normsOf(id);
      const own = units.map((unit) => norms[unit] ?? 0);
      return [id, largest(own, unitCount(id, units.length, keep))];
    }),
  );

/** Layers as the search over offsets takes them: as many source maps as there are offsets to choose. */
const stridedOf = (layers: readonly ConvLayer[], survivors: readonly Survivors[], stride: number) =>
  layers.map(({ id, taps }, i) => ({ layer: { id, taps, inputs: survivors[i]?.units.length ?? 0 }, stride }));

const snappedOf = (
  layers: readonly ConvLayer[],
  survivors: readonly Survivors[],
  stride: number,
  snap: (layer: ConvLayer) => readonly number[],
): Offsets =>
  new Map(
    layers.map((layer, i) => {
      const all = snap(layer);
      return [layer.id, { stride, offsets: (survivors[i]?.units ?? []).map((unit) => all[unit] ?? 0) }];
    }),
  );

/** Full-size patterns; offset 0, without meaning, for what is not there any more. */
const patternsOf = (survivors: readonly Survivors[], offsets: Offsets, stride: number) =>
  survivors.map((own) => [own.id, { stride, offsets: spread(own, offsets.get(own.id)?.offsets ?? []) }] as const);

/** The running structure with zeros in the kernels: such masks change no shape. */
const maskedCandidate = ({ network, before, kernels }: Ground, held: Held): Candidate => ({
  structure: before.structure,
  write: masked(kernels, heldMasks(network, held)),
});
