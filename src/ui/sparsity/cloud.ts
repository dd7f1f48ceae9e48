import type { SearchRound } from '../../core/search/index.ts';
import type { ChoiceReport } from '../../core/sparsity/index.ts';

/** One scored mask. `x` is its place on an axis where a round is 1 wide, from 0; scores are accuracies, 0 to 1. */
export interface Particle {
  readonly round: number;
  readonly index: number;
  readonly x: number;
  readonly score: number;
  readonly weight: number;
  /** Of how many candidates its round was. */
  readonly of: number;
  readonly best: boolean;
}

export interface Cloud {
  readonly particles: readonly Particle[];
  /** From a parent to its child. */
  readonly lines: readonly { readonly from: Particle; readonly to: Particle }[];
  /** Best so far from each place on: ascending in both. */
  readonly stairs: readonly { readonly x: number; readonly best: number }[];
  readonly rounds: number;
}

/** Share of a round's width over which its particles are spread, in their order, so that equal ones lie side by side. */
const SPREAD = 0.62;

/** The particles of a search. `drawn`: all are drawn independently (best of N), so that the best improves candidate by candidate. */
export function cloudOf(rounds: readonly SearchRound[], drawn: boolean): Cloud {
  const spread = drawn ? 0.94 : SPREAD;
  const byRound = rounds.map(({ scores, weights, bestIndex }, round) =>
    scores.map((score, index): Particle => ({
      round,
      index,
      x: round + 0.5 + spread * ((index + 0.5) / scores.length - 0.5),
      score,
      weight: weights[index] ?? 0,
      of: scores.length,
      best: index === bestIndex,
    })),
  );
  const lines = rounds.flatMap(({ parents }, round) =>
    parents.flatMap((of, index) =>
      of.flatMap((parent) => {
        const from = byRound[round - 1]?.[parent];
        const to = byRound[round]?.[index];
        return from && to ? [{ from, to }] : [];
      }),
    ),
  );
  const particles = byRound.flat();
  const stairs = drawn ? improvements(particles) : rounds.map(({ best }, round) => ({ x: round, best }));
  return { particles, lines, stairs, rounds: rounds.length };
}

function improvements(particles: readonly Particle[]): Cloud['stairs'] {
  const stairs: { x: number; best: number }[] = [];
  for (const { x, score } of particles) {
    if (score > (stairs.at(-1)?.best ?? -Infinity)) stairs.push({ x, best: score });
  }
  return stairs;
}

/** Radius in pixels: the area follows the weight, and an average one has `size`. */
export const radiusOf = ({ weight, of }: Pick<Particle, 'weight' | 'of'>, size: number): number =>
  Math.min(3.5 * size, Math.max(0.3 * size, size * Math.sqrt(weight * of)));

/** Another choice's accuracy, as a line across the cloud. */
export interface Mark {
  readonly key: 'magnitude' | 'bestOfN';
  readonly label: string;
  readonly accuracy: number;
}

export function marksOf({ choose, magnitude, bestOfN }: ChoiceReport): readonly Mark[] {
  return [
    ...(choose === 'magnitude' ? [] : [{ key: 'magnitude' as const, label: 'magnitude', accuracy: magnitude }]),
    ...(bestOfN
      ? [{ key: 'bestOfN' as const, label: `best of ${bestOfN.evaluations}`, accuracy: bestOfN.accuracy }]
      : []),
  ];
}

/** Lowest and highest accuracy of an axis: what is shown with a margin, at least two points apart. */
export function accuracyRange(values: readonly number[], least = 0.02): readonly [number, number] {
  const known = values.length > 0 ? values : [0, 1];
  const [low, high] = [Math.min(...known), Math.max(...known)];
  const margin = Math.max((high - low) * 0.08, (least - (high - low)) / 2);
  return [Math.max(0, low - margin), Math.min(1, high + margin)];
}

/** Round accuracies within a range, about four. */
export function accuracyTicks([low, high]: readonly [number, number]): readonly number[] {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power;
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: Math.max(0, count) }, (_, index) => Number(((first + index) * step).toFixed(9)));
}

/** Moves labels apart: heights in their own order, each at least `gap` below the one above it, within [top, bottom]. */
export function apart(heights: readonly number[], gap: number, top: number, bottom: number): readonly number[] {
  const order = [...heights.keys()].sort((a, b) => (heights[a] ?? 0) - (heights[b] ?? 0));
  const placed = [...heights];
  let lowest = top - gap;
  for (const index of order) placed[index] = lowest = Math.max(lowest + gap, heights[index] ?? 0);
  let limit = bottom + gap;
  for (const index of order.toReversed()) placed[index] = limit = Math.min(limit - gap, placed[index] ?? 0);
  return placed;
}
