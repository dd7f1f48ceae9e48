/**
 * McNemar's test, exact and two-sided: how probable a split at least as uneven as this one is if each image on which
 * two classifiers differ in being right had fallen to either side with equal chance (binomial; McNemar 1947). 1 where
 * they never differ. Throws when a count is no whole number from 0.
 */
export function mcNemarExact(broken: number, fixed: number): number {
  for (const count of [broken, fixed]) {
    if (!Number.isInteger(count) || count < 0) throw new RangeError(`A count is a whole number from 0, not ${count}.`);
  }
  const all = broken + fixed;
  const fewer = Math.min(broken, fixed);
  // From the largest term of the tail down, each by its ratio to the one before; by logarithms, since 2^-all underflows.
  let term = Math.exp(logBinomial(all, fewer) - all * Math.LN2);
  let tail = 0;
  for (let k = fewer; k >= 0; k--) {
    tail += term;
    term *= k / (all - k + 1);
  }
  return Math.min(1, 2 * tail);
}

function logBinomial(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}
