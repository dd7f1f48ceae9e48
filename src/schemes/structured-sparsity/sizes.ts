import type { Network } from '../../core/network/index.ts';
import {
  type LayerSize,
  type UnitTotal,
  convLayer,
  kernelLayers,
  layerSizes,
  loweredSize,
  mapGroups,
  stridedLayers,
} from '../../core/sparsity/index.ts';
import { type Pruned, survivingMasks } from './held.ts';
import { countOf, kernelSurvivors, mapSurvivors } from './survivors.ts';
import type { Stage } from './stages.ts';

/**
 * Sizes of every layer: `layerSizes`, and of strided taps without the constraint the weights that are left, an offset
 * for each kernel, and the rows of the matrix product that any kernel still needs.
 */
export function sizesOf(network: Network, pruned: Pruned): readonly LayerSize[] {
  const { structure, held } = pruned;
  const sizes = layerSizes(network, structure, held.kernels);
  if (held.free.size === 0) return sizes;
  const masks = survivingMasks(
    network,
    pruned,
    [...held.free.keys()].map((id) => `${id}/kernel`),
  );
  return sizes.map((size) => {
    const pattern = held.free.get(size.layer);
    const mask = masks.get(`${size.layer}/kernel`);
    if (!pattern || !mask || !size.lowered) return size;
    const layer = convLayer(network, size.layer);
    const weights = mask.reduce((sum, bit) => sum + bit, 0);
    const { outputs, positions } = size.lowered;
    const { rows } = loweredSize(layer, mask);
    return {
      ...size,
      weights,
      macs: weights * positions,
      lowered: { outputs, rows, positions, macs: outputs * rows * positions },
      strided: { taps: layer.taps, stride: pattern.stride, maps: countOf(kernelSurvivors(network, pruned, [layer])) },
    };
  });
}

/**
 * Units of a granularity in the layers that it may prune, and how many of them went from `before` to `after`. Units are
 * maps, kernels, and, of strided taps, the single taps of all kernels, with the constraint or without.
 */
export function unitTotal(
  network: Network,
  granularity: Stage['granularity'],
  before: Pruned,
  after: Pruned,
): UnitTotal {
  const left = (pruned: Pruned): number => unitsLeft(network, granularity, pruned);
  return { units: unitsOf(network, granularity), pruned: left(before) - left(after) };
}

function unitsOf(network: Network, granularity: Stage['granularity']): number {
  const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0);
  switch (granularity) {
    case 'map':
      return sum(mapGroups(network).map(({ channels }) => channels));
    case 'kernel':
      return sum(kernelLayers(network).map(({ inputs, outputs }) => inputs * outputs));
    case 'stride':
      return sum(stridedLayers(network).map(({ inputs, outputs, taps }) => inputs * outputs * taps));
  }
}

function unitsLeft(network: Network, granularity: Stage['granularity'], pruned: Pruned): number {
  switch (granularity) {
    case 'map':
      return countOf(mapSurvivors(network, pruned));
    case 'kernel':
      return countOf(kernelSurvivors(network, pruned));
    case 'stride': {
      const eligible = new Set(stridedLayers(network).map(({ id }) => id));
      return sizesOf(network, pruned).reduce((sum, { layer, weights }) => sum + (eligible.has(layer) ? weights : 0), 0);
    }
  }
}
