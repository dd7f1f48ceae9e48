const STEPS = 100;

/**
 * Where a falling function crosses 0 between two points, on the side where it is at most 0 (regula falsi, the Illinois
 * variant). `high` itself where the function stays above 0; `low` where it is never above it.
 */
export function crossing(f: (x: number) => number, low: number, high: number): number {
  let [a, b, above, below] = [low, high, f(low), f(high)];
  if (above <= 0) return low;
  if (below > 0) return high;
  let last = 0;
  for (let i = 0; i < STEPS; i++) {
    const straight = b - (below * (b - a)) / (below - above);
    // Next to the end that is 0 already, and every so often against flat stretches: the middle.
    const x = straight > a && straight < b && i % 4 < 3 ? straight : (a + b) / 2;
    const value = f(x);
    if (value > 0) {
      [a, above] = [x, value];
      if (last > 0) below /= 2;
    } else {
      if (value > -1e-13) return x;
      [b, below] = [x, value];
      if (last < 0) above /= 2;
    }
    last = value > 0 ? 1 : -1;
    if (b - a < 1e-14 * Math.max(1, Math.abs(b))) break;
  }
  return b;
}
