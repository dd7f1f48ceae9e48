import type { Columns } from '../../core/linalg/gram.ts';

/**
 * For each of the `active` columns the sum of its Euclidean distances to the others (FPGM's g); 0 for the rest. The
 * smallest sums are nearest to the geometric median. Quadratic in the number of active columns.
 */
export function distanceSums(columns: Columns, active: readonly number[]): Float64Array {
  const sums = new Float64Array(columns.length);
  for (const [place, i] of active.entries()) {
    for (const j of active.slice(0, place)) {
      const between = distance(columns[i] ?? [], columns[j] ?? []);
      sums[i] = (sums[i] ?? 0) + between;
      sums[j] = (sums[j] ?? 0) + between;
    }
  }
  return sums;
}

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let squares = 0;
  for (let k = 0; k < a.length; k++) squares += ((a[k] ?? 0) - (b[k] ?? 0)) ** 2;
  return Math.sqrt(squares);
}
