import { IMAGES_A_CLASS } from './images.ts';
import { type ScoreInput, type Scores, scoredKernels, scoresFrom } from './scored.ts';

/**
 * SNIP (Lee et al., ICLR 2019; precrop.md 3.1): |weight x gradient of the loss|, which is how much the loss reacts to a
 * gate of 1 on the weight. Batch norms use their running statistics.
 */
export async function snipScores({ network, parameters, preparation }: ScoreInput): Promise<Scores> {
  preparation.progress(0, 1, 'SNIP gradients');
  const { tensors } = await preparation.gradients(parameters, {
    inputs: { perClass: IMAGES_A_CLASS },
    batchNorm: 'running',
  });
  preparation.progress(1, 1, 'SNIP gradients');
  return scoresFrom(scoredKernels(network, parameters), tensors, (weight, gradient) => Math.abs(weight * gradient));
}
