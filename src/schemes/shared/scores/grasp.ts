import type { Tensors } from '../../../core/network/index.ts';
import { IMAGES_A_CLASS } from './images.ts';
import { type ScoreInput, type Scores, scoredKernels, scoresFrom } from './scored.ts';

/** The loss sees logits divided by this (precrop.md 3.1). */
const LOGIT_DIVISOR = 200;
/**
 * Length of the finite-difference step as a share of the weights' length (ours). ReLUs that change sides on the way count
 * in the difference and not in exact second derivatives: a shorter step has fewer of them but divides by less, a longer
 * one bends more. On convnet-micro the product is nearest to the exact one at 0.01 to 0.03; rounding plays no part there.
 */
const RELATIVE_STEP = 0.01;

/**
 * GraSP (Wang et al., ICLR 2020; precrop.md 3.1): weight x (H g), with g the gradient of the loss and H its Hessian over
 * the scored weights, divided by |sum| + 1e-10. Low scores are removed: those weights' removal lessens the gradient flow
 * least. Hg is a central difference of gradients, (g(w + s g) - g(w - s g)) / 2s, as the engine has no second derivatives
 * (ours); a common factor of the scores changes no order.
 */
export async function graspScores({ network, parameters, preparation }: ScoreInput): Promise<Scores> {
  const weights = scoredKernels(network, parameters);
  let done = 0;
  const gradientAt = async (moved: Tensors): Promise<Tensors> => {
    preparation.progress(done++, 3, 'GraSP gradients');
    const { tensors } = await preparation.gradients(new Map([...parameters, ...moved]), {
      inputs: { perClass: IMAGES_A_CLASS },
      batchNorm: 'running',
      logitDivisor: LOGIT_DIVISOR,
    });
    return scoredKernels(network, tensors);
  };
  const gradient = await gradientAt(weights);
  const step = (RELATIVE_STEP * lengthOf(weights)) / lengthOf(gradient);
  const above = await gradientAt(sum(weights, gradient, step));
  const below = await gradientAt(sum(weights, gradient, -step));
  preparation.progress(3, 3, 'GraSP gradients');
  const product = new Map(
    [...above].map(([name, values]) => {
      const others = below.get(name);
      return [name, values.map((value, i) => (value - (others?.[i] ?? NaN)) / (2 * step))];
    }),
  );
  return normalised(scoresFrom(weights, product, (weight, entry) => weight * entry));
}

/** a + factor x b. */
const sum = (a: Tensors, b: Tensors, factor: number): Tensors =>
  new Map(
    [...a].map(([name, values]) => {
      const others = b.get(name);
      return [name, values.map((value, i) => value + factor * (others?.[i] ?? NaN))];
    }),
  );

/** Euclidean norm of all tensors together. */
function lengthOf(tensors: Tensors): number {
  let squares = 0;
  for (const values of tensors.values()) for (const value of values) squares += value * value;
  return Math.sqrt(squares);
}

function normalised(scores: Scores): Scores {
  let total = 0;
  for (const values of scores.values()) for (const value of values) total += value;
  const divisor = Math.abs(total) + 1e-10;
  return new Map([...scores].map(([name, values]) => [name, values.map((value) => value / divisor)]));
}
