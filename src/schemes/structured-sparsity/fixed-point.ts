import { type Network, type Tensors, countNetwork, kernelOf } from '../../core/network/index.ts';
import { type Quantiser, fitQuantiser } from '../../core/quantise/index.ts';
import { type Pruned, survivingMasks } from './held.ts';

/** By kernel tensor the quantiser in force. */
export type Quantisers = ReadonlyMap<string, Quantiser>;

/** Kernels of every convolution, depthwise ones too, and dense layer. */
export const quantisedKernels = (network: Network): readonly string[] =>
  countNetwork(network).layers.map(({ layer }) => kernelOf(network, layer));

/** A quantiser of `bits` bits for each kernel, fitted to the weights that survive (section 8, ours). */
export function fitQuantisers(network: Network, pruned: Pruned, kernels: Tensors, bits: number): Quantisers {
  const surviving = survivingMasks(network, pruned, [...kernels.keys()]);
  return new Map(
    [...kernels].map(([name, weights]) => {
      const { step, levels } = fitQuantiser(weights, bits, surviving.get(name));
      return [name, { step, levels }];
    }),
  );
}

/** Bits of a word with so many levels on each side of 0. */
export const bitsOf = ({ levels }: Quantiser): number => Math.log2(levels + 1) + 1;
