/** A run of a race as it is judged, by what its end measured. */
export interface Entry {
  readonly id: string | number;
  /** Share of test images classified rightly; higher is better. */
  readonly accuracy: number;
  /** Of the network it ended with; lower is better. */
  readonly macs: number;
  /** Measured inference of that network, lower is better; null where it was not measured. */
  readonly latencyMs: number | null;
  readonly finished: boolean;
  /** Why it stopped for good before its end; null when it did not. */
  readonly stopped: string | null;
}

export type Criterion = 'accuracy' | 'macs' | 'latency';
/** How much each criterion counts, from 0; only their ratios matter for the order. */
export type Weights = Readonly<Record<Criterion, number>>;

/** What one criterion adds to a score. */
export interface ScorePart {
  readonly criterion: Criterion;
  /** From 0 (the worst of the race) to 1 (the best). */
  readonly value: number;
  readonly weight: number;
}

export interface Place {
  readonly id: Entry['id'];
  /** From 1; entries that tie share a rank, and the ranks behind them stay empty. */
  readonly rank: number;
  /** Sum over its parts of value times weight; null for an entry that stopped. */
  readonly score: number | null;
  readonly parts: readonly ScorePart[];
  readonly stopped: string | null;
}

/** How each criterion is read, so that higher is better. */
const MERITS: readonly { readonly criterion: Criterion; readonly merit: (entry: Entry) => number | null }[] = [
  { criterion: 'accuracy', merit: ({ accuracy }) => accuracy },
  { criterion: 'macs', merit: ({ macs }) => -macs },
  { criterion: 'latency', merit: ({ latencyMs }) => (latencyMs === null ? null : -latencyMs) },
];

/**
 * The final standing of a race, best first; null until every entry has finished or stopped for good. The rule is ours:
 * each criterion is scaled over the entries that finished, from 0 for the worst to 1 for the best (1 for all where they
 * are equal), and the score is the sum of these values times their weights. A criterion that some finished entry lacks
 * (a latency not measured) counts for none. Entries that stopped share the last rank, without a score. Equal scores share
 * a rank, the more accurate first, then in the order given. Throws when a weight is negative or not finite.
 */
export function standing(entries: readonly Entry[], weights: Weights): readonly Place[] | null {
  const bad = Object.entries(weights).find(([, weight]) => !(weight >= 0 && Number.isFinite(weight)));
  if (bad) throw new RangeError(`The weight of ${bad[0]} must be a number from 0, not ${bad[1]}.`);
  if (entries.some(({ finished, stopped }) => !finished && stopped === null)) return null;
  const finished = entries.filter(({ stopped }) => stopped === null);
  const scales = MERITS.flatMap(({ criterion, merit }) => {
    const merits = finished.map(merit);
    const known = merits.filter((value) => value !== null);
    if (known.length < merits.length) return [];
    return [{ criterion, weight: weights[criterion], values: scaled(known) }];
  });
  const scored = finished
    .map(({ id, accuracy }, index) => {
      const parts = scales.map(({ criterion, weight, values }) => ({ criterion, weight, value: values[index] ?? 0 }));
      return { id, accuracy, parts, score: sumOf(parts) };
    })
    .sort((a, b) => b.score - a.score || b.accuracy - a.accuracy);
  const last = finished.length + 1;
  return [
    ...scored.map(({ id, parts, score }) => {
      const rank = scored.findIndex((other) => other.score === score) + 1;
      return { id, rank, score, parts, stopped: null };
    }),
    ...entries
      .filter((entry) => entry.stopped !== null)
      .map(({ id, stopped }) => ({ id, rank: last, score: null, parts: [], stopped })),
  ];
}

/** Values from 0 (the smallest) to 1 (the largest); all 1 when they are equal. */
function scaled(values: readonly number[]): readonly number[] {
  const worst = Math.min(...values);
  const range = Math.max(...values) - worst;
  return values.map((value) => (range === 0 ? 1 : (value - worst) / range));
}

/** Rounded, so that scores which differ only by the rounding of their sums tie. */
const sumOf = (parts: readonly ScorePart[]): number =>
  Number(parts.reduce((sum, { value, weight }) => sum + value * weight, 0).toPrecision(12));
