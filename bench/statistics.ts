export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.ceil(middle) - 1] ?? NaN) + (sorted[Math.floor(middle)] ?? NaN)) / 2;
};

/** Ratios of what was measured in the same turns: the machine's speed changes from one turn to the next. */
export const ratiosOf = (above: readonly number[], below: readonly number[]): number[] =>
  above.map((value, turn) => value / (below[turn] ?? NaN));

/** Milliseconds of each of `samples` calls. */
export async function timesOf(samples: number, run: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < samples; i++) {
    const started = performance.now();
    await run();
    times.push(performance.now() - started);
  }
  return times;
}

/** Rows by what `key` says of them, in order of first appearance. */
export function groupBy<R>(rows: readonly R[], key: (row: R) => unknown): R[][] {
  const groups = new Map<unknown, R[]>();
  for (const row of rows) groups.set(key(row), [...(groups.get(key(row)) ?? []), row]);
  return [...groups.values()];
}

/** A number with about three digits. */
export const short = (value: number): string =>
  value.toLocaleString('en', { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 });

/** A value's target and whether it is reached. */
export const atLeast = (value: number, target: number, unit = ''): string =>
  `must be at least ${short(target)}${unit}: ${value >= target ? 'reached' : 'missed'}`;
export const atMost = (value: number, target: number, unit = ''): string =>
  `must be at most ${short(target)}${unit}: ${value <= target ? 'reached' : 'missed'}`;
