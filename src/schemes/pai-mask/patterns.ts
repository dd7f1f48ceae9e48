import { type Network, type Tensors, initialTensor, kernelOf, parametersOf } from '../../core/network/index.ts';
import { random4, shuffle } from '../../core/random/random.ts';
import { type Masks, scoredLayers } from '../shared/scores/index.ts';

/** Which weights of a layer stay, given how many. */
export const PATTERNS = ['scored', 'shuffled', 'fresh', 'filters'] as const;
export type Pattern = (typeof PATTERNS)[number];

/** Apart from the counters of the random score. */
const SHUFFLES = 1 << 16;

/** The masks in a pattern: as many weights of each layer, but for the rounding to whole filters. */
export function arranged(network: Network, masks: Masks, pattern: Pattern, seed: number): Masks {
  if (pattern === 'scored') return masks;
  const classifier = network.nodes.at(-1)?.id;
  return new Map(
    scoredLayers(network).map((layer, place) => {
      const name = kernelOf(network, layer);
      const mask = masks.get(name) ?? new Float32Array();
      // The classifier's filters are the classes, of which none can go.
      const whole = pattern === 'filters' && layer !== classifier;
      const counter = SHUFFLES + place;
      return [
        name,
        whole ? wholeFilters(mask, filtersOf(network, layer), seed, counter) : shuffled(mask, seed, counter),
      ];
    }),
  );
}

/** The entries in random order. */
export function shuffled(mask: Float32Array, seed: number, counter: number): Float32Array {
  const entries = Uint32Array.from(mask);
  shuffle(entries, seed, 'prune', counter);
  return Float32Array.from(entries);
}

/** Whole filters at random, as many as come nearest to the mask's density. */
function wholeFilters(mask: Float32Array, filters: number, seed: number, counter: number): Float32Array {
  const kept = mask.reduce((sum, entry) => sum + entry, 0);
  const order = Uint32Array.from({ length: filters }, (_, filter) => filter);
  shuffle(order, seed, 'prune', counter);
  const chosen = new Set(order.subarray(0, Math.round((kept / mask.length) * filters)));
  // The filter is the last axis, of a depthwise kernel the one before it, which has size 1: the index runs the same.
  return mask.map((_, i) => Number(chosen.has(i % filters)));
}

/** Filters of a layer: its output channels, of a depthwise convolution one for each channel. */
function filtersOf(network: Network, layer: string): number {
  const depthwise = network.nodes.some(({ id, op }) => id === layer && op === 'depthwiseConv');
  const shape = parametersOf(network).find(({ name }) => name === kernelOf(network, layer))?.shape;
  return shape?.at(depthwise ? -2 : -1) ?? 1;
}

/** Initial weights of the scored kernels from a seed of their own. */
export function freshWeights(network: Network, seed: number): Tensors {
  const kernels = new Set(scoredLayers(network).map((layer) => kernelOf(network, layer)));
  const [another] = random4(seed, 'prune', SHUFFLES - 1, 0);
  return new Map(
    parametersOf(network).flatMap((spec) =>
      kernels.has(spec.name) ? [[spec.name, initialTensor(spec, another)]] : [],
    ),
  );
}
