import { residuals } from '../../core/linalg/gram.ts';
import type { Structure, Tensors } from '../../core/network/index.ts';
import { random4, toUnit } from '../../core/random/random.ts';
import { type ChexLayer, columnsOf, largest } from './layers.ts';

export interface Regrowth {
  /** Channels drawn, ascending. */
  readonly regrown: readonly number[];
  /** Residual (squared) and draw probability by candidate channel. */
  readonly candidates: ReadonlyMap<number, { readonly residual: number; readonly probability: number }>;
}

/** What a draw depends on besides the weights: the same step, layer and channel always get the same number. */
export interface Draw {
  readonly seed: number;
  readonly step: number;
  readonly layer: number;
}

/**
 * Regrow stage (CHEX, Algorithm 3): `count` distinct channels among those not in `kept`, drawn with probability
 * proportional to exp of the (squared) distance of their most recently used weights from the span of the kept ones.
 * Gumbel-top-k draws without replacement from exactly that distribution.
 */
export function regrowChannels(
  layer: ChexLayer,
  kept: readonly number[],
  count: number,
  rule: 'squared' | 'norm',
  tensors: Tensors,
  structure: Structure,
  draw: Draw,
): Regrowth {
  const inside = new Set(kept);
  const outside = Array.from({ length: layer.group.channels }, (_, channel) => channel).filter((c) => !inside.has(c));
  const all = residuals(columnsOf(layer, tensors, structure), kept);
  const squared = outside.map((channel) => all[channel] ?? 0);
  const strengths = squared.map((value) => (rule === 'squared' ? value : Math.sqrt(value)));
  const probabilities = softmax(strengths);
  const perturbed = strengths.map((strength, k) => strength + gumbel(draw, outside[k] ?? 0));
  const chosen = largest(perturbed, Math.min(count, outside.length)).map((k) => outside[k] ?? 0);
  const candidates = new Map(
    outside.map((channel, k) => [channel, { residual: squared[k] ?? 0, probability: probabilities[k] ?? 0 }]),
  );
  return { regrown: chosen, candidates };
}

/** Softmax with the maximum subtracted, so that large residuals do not overflow. */
export function softmax(values: readonly number[]): number[] {
  const highest = Math.max(...values);
  const weights = values.map((value) => Math.exp(value - highest));
  const total = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / total);
}

function gumbel({ seed, step, layer }: Draw, channel: number): number {
  const [bits] = random4(seed, 'prune', step, layer * 65_536 + channel);
  return -Math.log(-Math.log(toUnit(bits)));
}
