import { type Network, countNetwork, kernelOf, parametersOf, sizeOf } from '../network/index.ts';

/** Densities by layer, in network order. */
export type Densities = ReadonlyMap<string, number>;

/** The same density for every layer (section 3.1). `keep`: share of all weights. */
export function uniform(network: Network, keep: number): Densities {
  return new Map(countNetwork(network).layers.map(({ layer }) => [layer, Math.min(1, keep)]));
}

/**
 * Erdos-Renyi kernel densities (section 3.1): in proportion to the sum of a kernel's sizes over their product, scaled to
 * keep the share `keep` of all weights (rounded up to whole ones in each layer, as in the code); layers that would exceed
 * 1 are dense, one after the other.
 */
export function erk(network: Network, keep: number): Densities {
  const shapes = new Map(parametersOf(network).map(({ name, shape }) => [name, shape]));
  const layers = countNetwork(network).layers.map(({ layer, parameters }) => {
    const shape = shapes.get(kernelOf(network, layer)) ?? [];
    const raw = shape.reduce((sum, size) => sum + size, 0) / sizeOf(shape);
    return { layer, weights: parameters, raw };
  });
  const dense = new Set<string>();
  const total = layers.reduce((sum, { weights }) => sum + weights - Math.floor((1 - keep) * weights), 0);
  for (;;) {
    const open = layers.filter(({ layer }) => !dense.has(layer));
    const fixed = layers.reduce((sum, { layer, weights }) => sum + (dense.has(layer) ? weights : 0), 0);
    const scale = (total - fixed) / open.reduce((sum, { weights, raw }) => sum + weights * raw, 0);
    const largest = open.reduce((best, one) => (one.raw > best.raw ? one : best), { layer: '', raw: 0 });
    if (open.length > 0 && scale * largest.raw > 1) dense.add(largest.layer);
    else return new Map(layers.map(({ layer, raw }) => [layer, dense.has(layer) ? 1 : scale * raw]));
  }
}
