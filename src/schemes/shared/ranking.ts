/** Indices from the largest value to the smallest; ties: lower index first. */
export function ranking(values: ArrayLike<number>): number[] {
  const order = Array.from({ length: values.length }, (_, index) => index);
  return order.sort((a, b) => (values[b] ?? 0) - (values[a] ?? 0) || a - b);
}

/** Indices of the `count` largest values, ascending; ties: lower index. */
export const largest = (values: ArrayLike<number>, count: number): number[] =>
  ranking(values)
    .slice(0, count)
    .sort((a, b) => a - b);
