/** Probabilities of the classes from one image's logits. */
export function softmax(logits: ArrayLike<number>): readonly number[] {
  const values = Array.from(logits);
  const most = Math.max(...values);
  const powers = values.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

/** Classes with the most probable first; of equal ones the lower number. */
export const ranked = (probabilities: readonly number[]): readonly number[] =>
  probabilities.map((_, index) => index).toSorted((a, b) => (probabilities[b] ?? 0) - (probabilities[a] ?? 0) || a - b);
