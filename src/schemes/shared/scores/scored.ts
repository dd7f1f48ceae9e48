import { type Network, type Tensors, kernelOf } from '../../../core/network/index.ts';
import type { Preparation } from '../../../core/scheme/scheme.ts';

/** What scores of single weights are computed from. */
export interface ScoreInput {
  readonly network: Network;
  /** Full-size parameters at initialisation; they are left as they are. */
  readonly parameters: Tensors;
  readonly preparation: Preparation;
}

/** A score of every scored weight, by kernel name, in the kernel's own order. Higher stays. */
export type Scores = ReadonlyMap<string, Float64Array>;
/** 1 where a scored weight stays, else 0: by kernel name, in the kernel's own order. */
export type Masks = ReadonlyMap<string, Float32Array>;

/** Ids of the layers whose weights are scored, in network order: convolutions (depthwise ones too) and dense layers. */
export const scoredLayers = (network: Network): readonly string[] =>
  network.nodes.flatMap(({ id, op }) => (op === 'conv' || op === 'depthwiseConv' || op === 'dense' ? [id] : []));

/** Their kernels: neither biases nor batch norms are scored (precrop.md 3.1). */
export function scoredKernels(network: Network, tensors: Tensors): ReadonlyMap<string, Float32Array> {
  return new Map(
    scoredLayers(network).map((layer) => {
      const name = kernelOf(network, layer);
      const values = tensors.get(name);
      if (!values) throw new Error(`${name} is missing`);
      return [name, values];
    }),
  );
}

/** A score of each weight from its value and the entry of another tensor of the same name and shape. */
export function scoresFrom(
  weights: Tensors,
  others: Tensors,
  score: (weight: number, other: number) => number,
): Scores {
  return new Map(
    [...weights].map(([name, values]) => {
      const other = others.get(name);
      return [name, Float64Array.from(values, (weight, i) => score(weight, other?.[i] ?? NaN))];
    }),
  );
}

/** Share of the weights of each scored layer that masks keep, in network order. */
export const densitiesOf = (network: Network, masks: Masks): ReadonlyMap<string, number> =>
  new Map(
    scoredLayers(network).map((layer) => {
      const mask = masks.get(kernelOf(network, layer)) ?? new Float32Array();
      return [layer, mask.reduce((sum, kept) => sum + kept, 0) / mask.length];
    }),
  );
