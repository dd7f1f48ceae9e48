import { type Columns, residuals } from '../../core/linalg/gram.ts';
import { random4, toUnit } from '../../core/random/random.ts';
import { largest } from '../shared/ranking.ts';

/** Whether the draw's exponent is the squared distance (paper) or the distance (code). */
export type ResidualRule = 'squared' | 'norm';

export interface Regrowth {
  /** Channels drawn, ascending. */
  readonly regrown: readonly number[];
  /** Every channel that could be drawn, with its squared residual and its probability in the first draw. */
  readonly candidates: ReadonlyMap<number, { readonly residual: number; readonly probability: number }>;
}

/** What a draw depends on besides the weights: the same step, layer and channel always get the same number. */
export interface Draw {
  readonly seed: number;
  readonly step: number;
  /** Index of the layer among the prunable ones. */
  readonly layer: number;
}

/**
 * Regrow stage (CHEX, Algorithm 3): `count` distinct channels among those not in `kept`, drawn with probability
 * proportional to exp of the (squared) distance of their weights from the span of the kept ones. Gumbel-top-k draws
 * without replacement from exactly that distribution. `columns` are all channels' weights, those of channels that are
 * off with their most recently used values.
 */
export function regrowChannels(
  columns: Columns,
  kept: readonly number[],
  count: number,
  rule: ResidualRule,
  draw: Draw,
): Regrowth {
  const inside = new Set(kept);
  const outside = Array.from(columns, (_, channel) => channel).filter((channel) => !inside.has(channel));
  if (outside.length === 0) return { regrown: [], candidates: new Map() };
  const all = residuals(columns, kept);
  const squared = outside.map((channel) => all[channel] ?? 0);
  const exponents = rule === 'squared' ? squared : squared.map(Math.sqrt);
  const probabilities = softmax(exponents);
  const perturbed = exponents.map((exponent, k) => exponent + gumbel(draw, outside[k] ?? 0));
  return {
    regrown: largest(perturbed, count).map((k) => outside[k] ?? 0),
    candidates: new Map(
      outside.map((channel, k) => [channel, { residual: squared[k] ?? 0, probability: probabilities[k] ?? 0 }]),
    ),
  };
}

/** Softmax with the maximum subtracted, so that large residuals do not overflow. */
export function softmax(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

/** Standard Gumbel noise of a channel; layers have fewer than 65,536 channels, so counters never meet. */
function gumbel({ seed, step, layer }: Draw, channel: number): number {
  const [bits] = random4(seed, 'prune', step, layer * 65_536 + channel);
  return -Math.log(-Math.log(toUnit(bits)));
}
