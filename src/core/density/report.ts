/** Where the densities of a crop or of a weight mask come from. */
export type DensitySource = 'synexp' | 'synflow' | 'snip' | 'grasp' | 'magnitude' | 'random' | 'erk' | 'uniform';

/** How many weights of each layer a scheme keeps before the first step, and what it was after. Plain JSON. */
export interface DensityReport {
  readonly source: DensitySource;
  /** `channels`: the layers are narrower and dense; `weights`: their weights are masked and the network is as large as ever. */
  readonly removes: 'channels' | 'weights';
  /** Every convolution and dense layer, in network order. */
  readonly layers: readonly LayerDensity[];
  /** Density of each layer (in the order of `layers`) after each pass of a score that takes several. */
  readonly passes?: readonly (readonly number[])[];
}

export interface LayerDensity {
  readonly layer: string;
  /** Weights and multiply-adds of the whole layer, without biases and norms. */
  readonly weights: number;
  readonly macs: number;
  /** Share of the weights asked for: what the convex problem or the score said. Above 1 where PreConfig widens. */
  readonly density: number;
  /** Weights that stay in fact, after rounding to whole channels. */
  readonly kept: number;
}
