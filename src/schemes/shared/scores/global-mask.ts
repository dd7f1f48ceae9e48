import type { Masks, Scores } from './scored.ts';

/**
 * One threshold over all layers (precrop.md 3.1): of N scores the k = floor((1 - keep) N)-th smallest; what is strictly
 * greater stays, so all ties at the threshold go. With k = 0 everything stays. Throws a sentence when a score is not a
 * finite number.
 */
export function globalMask(scores: Scores, keep: number): Masks {
  const all = concatenate([...scores.values()]);
  if (!all.every((score) => Number.isFinite(score)))
    throw new Error('The scores are not finite numbers: the gradients of this network overflow float32.');
  const removed = Math.floor((1 - keep) * all.length);
  const threshold = removed > 0 ? kthSmallest(all, removed) : -Infinity;
  return new Map(
    [...scores].map(([name, values]) => [name, Float32Array.from(values, (score) => (score > threshold ? 1 : 0))]),
  );
}

function concatenate(parts: readonly Float64Array[]): Float64Array {
  const all = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}

/**
 * The k-th smallest value (k from 1), by selection: sorting millions of scores in every pass would take longer than
 * computing them. Reorders `values`.
 */
export function kthSmallest(values: Float64Array, k: number): number {
  const wanted = k - 1;
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const pivot = values[(low + high) >>> 1] ?? NaN;
    let [i, j] = [low, high];
    while (i <= j) {
      while ((values[i] ?? NaN) < pivot) i++;
      while ((values[j] ?? NaN) > pivot) j--;
      if (i > j) break;
      const moved = values[i] ?? NaN;
      values[i++] = values[j] ?? NaN;
      values[j--] = moved;
    }
    if (wanted <= j) high = j;
    else if (wanted >= i) low = i;
    else break;
  }
  return values[wanted] ?? NaN;
}
