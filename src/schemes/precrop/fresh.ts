import {
  type Network,
  type Structure,
  type Tensors,
  compact,
  forEachKept,
  initialTensor,
} from '../../core/network/index.ts';

/**
 * Full-size tensors in which what a structure keeps is drawn anew, as for the compact network: convolutions
 * Kaiming-normal by its fan-ins, norms, biases and dense layers as always. What is pruned stays as in `parameters`.
 */
export function freshTensors(network: Network, structure: Structure, parameters: Tensors, seed: number): Tensors {
  return new Map(
    compact(network, structure).gathers.map((gather) => {
      const drawn = initialTensor(gather.compact, seed, 'in');
      const tensor = Float32Array.from(parameters.get(gather.full.name) ?? []);
      forEachKept(gather, (compactIndex, fullIndex) => (tensor[fullIndex] = drawn[compactIndex] ?? 0));
      return [gather.full.name, tensor];
    }),
  );
}
