/**
 * Indices of at most `most` points (2 or more) that keep a curve's shape: first and last, and of every bucket between them the
 * smallest and the largest value. Ascending, without repeats.
 */
export function decimate(values: ArrayLike<number>, most: number): number[] {
  const { length } = values;
  if (length <= most) return Array.from({ length }, (_, index) => index);
  const buckets = Math.floor((most - 2) / 2);
  const indices = new Set([0]);
  for (let bucket = 0; bucket < buckets; bucket++) {
    const first = 1 + Math.floor((bucket * (length - 2)) / buckets);
    const end = 1 + Math.floor(((bucket + 1) * (length - 2)) / buckets);
    let low = first;
    let high = first;
    for (let i = first; i < end; i++) {
      if ((values[i] ?? 0) < (values[low] ?? 0)) low = i;
      if ((values[i] ?? 0) > (values[high] ?? 0)) high = i;
    }
    if (first < end) for (const index of [low, high].sort((a, b) => a - b)) indices.add(index);
  }
  indices.add(length - 1);
  return [...indices];
}
