/** Something that costs and is worth: a network's MACs and its accuracy, say. */
export interface Trade {
  readonly cost: number;
  /** More is better. */
  readonly accuracy: number;
}

/** Which costs are better: of speeds, more. */
export type Better = 'less' | 'more';

/**
 * Whether `a` dominates `b` (Pareto): it is at most as costly and at least as accurate, and one of the two strictly. Equal
 * trades do not dominate each other.
 */
export function dominates(a: Trade, b: Trade, better: Better = 'less'): boolean {
  const saved = better === 'less' ? b.cost - a.cost : a.cost - b.cost;
  const gained = a.accuracy - b.accuracy;
  return saved >= 0 && gained >= 0 && saved + gained > 0;
}

/** For each trade whether it is on the front: none of the others dominates it. In n log n. */
export function onFront(trades: readonly Trade[], better: Better = 'less'): readonly boolean[] {
  const sign = better === 'less' ? 1 : -1;
  const order = trades
    .map(({ cost, accuracy }, index) => ({ cost: sign * cost, accuracy, index }))
    .sort((a, b) => a.cost - b.cost || b.accuracy - a.accuracy);
  const front = trades.map(() => false);
  let best = -Infinity;
  let bestCost = -Infinity;
  for (const { cost, accuracy, index } of order) {
    // Equals of the latest on the front stand right behind it.
    if (accuracy > best || (accuracy === best && cost === bestCost)) {
      front[index] = true;
      best = accuracy;
      bestCost = cost;
    }
  }
  return front;
}

/** The front from the smallest cost to the largest, each place once. */
export function frontLine(trades: readonly Trade[], better: Better = 'less'): readonly Trade[] {
  const front = onFront(trades, better);
  const line = trades.filter((_, index) => front[index]).sort((a, b) => a.cost - b.cost);
  return line.filter(({ cost }, index) => line[index - 1]?.cost !== cost);
}
