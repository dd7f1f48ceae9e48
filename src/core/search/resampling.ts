/**
 * Weighing and resampling of the evolutionary particle filter (strided.md 5.2). The paper's: a mask's weight comes from
 * its network's accuracy. Ours: the power, and systematic resampling.
 */

/**
 * Normalised weights, proportional to likelihood ** power; equal ones where every likelihood is 0. Throws when a
 * likelihood is negative or not finite.
 */
export function weightsOf(likelihoods: readonly number[], power: number): readonly number[] {
  const wrong = likelihoods.find((likelihood) => !Number.isFinite(likelihood) || likelihood < 0);
  if (wrong !== undefined) throw new Error(`search: a likelihood must be a number of at least 0, not ${wrong}`);
  const highest = Math.max(...likelihoods);
  // Relative to the highest, so that no power underflows them all.
  const raw = likelihoods.map((likelihood) => (highest > 0 ? (likelihood / highest) ** power : 1));
  const total = raw.reduce((sum, weight) => sum + weight, 0);
  return raw.map((weight) => weight / total);
}

/** 1 / sum of w^2 of normalised weights: how many equally weighted candidates they are worth. */
export const effectiveSampleSize = (weights: readonly number[]): number =>
  1 / weights.reduce((sum, weight) => sum + weight * weight, 0);

/**
 * Systematic resampling: as many indices as there are weights, ascending; for each position (u + j) / count the first
 * index whose cumulative weight reaches it. `u` lies in the open interval (0, 1).
 */
export function systematicResample(weights: readonly number[], u: number): readonly number[] {
  const count = weights.length;
  let index = 0;
  let reached = weights[0] ?? 0;
  return weights.map((_, j) => {
    // Rounding may leave the whole sum just below the last position.
    while (reached < (u + j) / count && index < count - 1) reached += weights[++index] ?? 0;
    return index;
  });
}
