import type { Tensors } from '../../../core/network/index.ts';
import { globalMask } from './global-mask.ts';
import { type Masks, type ScoreInput, type Scores, densitiesOf, scoredKernels, scoresFrom } from './scored.ts';

export interface SynflowMasks {
  readonly masks: Masks;
  /** Density of each scored layer, in network order, after each pass. */
  readonly passes: readonly (readonly number[])[];
}

/**
 * SynFlow (Tanaka et al., NeurIPS 2020; precrop.md 3.1) in several passes: each scores the weights that are left and
 * keeps the share keep^(pass / passes) of all. A weight once pruned is 0 and scores 0, so it stays pruned.
 */
export async function synflowMasks(input: ScoreInput, keep: number, passes: number): Promise<SynflowMasks> {
  const { network, preparation } = input;
  let parameters = input.parameters;
  let masks: Masks = new Map();
  const densities: (readonly number[])[] = [];
  for (let pass = 1; pass <= passes; pass++) {
    preparation.progress(pass - 1, passes, 'SynFlow passes');
    const scores = await synflowScores({ ...input, parameters });
    masks = globalMask(scores, keep ** (pass / passes));
    parameters = masked(parameters, masks);
    densities.push([...densitiesOf(network, masks).values()]);
  }
  preparation.progress(passes, passes, 'SynFlow passes');
  return { masks, passes: densities };
}

/**
 * |weight x dR/dweight|, with R the sum of the logits of an image of ones through the network of absolute parameters.
 * Activations are rescaled on the way, which multiplies all scores by one power of two: R of deep networks is beyond
 * float32. ReLU6 counts as ReLU, as R has no bound.
 */
export async function synflowScores({ network, parameters, preparation }: ScoreInput): Promise<Scores> {
  const { tensors } = await preparation.gradients(parameters, {
    inputs: 'ones',
    loss: 'sumOfLogits',
    parameters: 'absolute',
    batchNorm: 'running',
    rescale: true,
    unbounded: true,
  });
  return scoresFrom(scoredKernels(network, parameters), tensors, (weight, gradient) => Math.abs(weight * gradient));
}

const masked = (parameters: Tensors, masks: Masks): Tensors =>
  new Map(
    [...parameters].map(([name, values]) => {
      const mask = masks.get(name);
      return [name, mask ? values.map((value, i) => value * (mask[i] ?? NaN)) : values];
    }),
  );
