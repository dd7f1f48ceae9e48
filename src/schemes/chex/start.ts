import { type Network, type Tensors, countNetwork, countStructure, denseStructure } from '../../core/network/index.ts';
import type { ChannelReason, Decision } from '../../core/scheme/scheme.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { allocate, structureOfWidths } from '../shared/allocate.ts';
import { type ChexLayer, columnsOf, l1Norm, largest } from './layers.ts';

/**
 * Widths to start from: the same share of every layer, floor(C * (1 - (S - delta_0))) for a channel budget (the released
 * code). For MACs and parameters (ours) the smallest uniform share of channels whose network reaches keep + delta_0 of
 * the dense one, so that the first update has at least its budget to choose from.
 */
export function startCounts(
  network: Network,
  layers: readonly ChexLayer[],
  budget: Budget,
  regrow: number,
  minimum: number,
): Map<string, number> {
  const share = Math.min(1, budget.keep + regrow);
  const uniform = (keep: number): Map<string, number> =>
    new Map(
      layers.map(({ group }) => {
        const count = Math.floor(group.channels * keep + 1e-9);
        return [group.id, Math.min(group.channels, Math.max(minimum, count))];
      }),
    );
  if (budget.kind === 'channels') return atLeastBudget(network, layers, uniform(share), budget, minimum);
  const { kind } = budget;
  const wanted = share * countNetwork(network)[kind];
  const widest = Math.max(...layers.map(({ group }) => group.channels));
  for (let tenths = 1; tenths <= widest * 10; tenths++) {
    const counts = uniform(tenths / (widest * 10));
    if (countStructure(network, structureOfWidths(network, counts))[kind] >= wanted) return counts;
  }
  return uniform(1);
}

/** Floors may lose so many channels that fewer than the final number are left (with little regrowing): then top up. */
function atLeastBudget(
  network: Network,
  layers: readonly ChexLayer[],
  counts: Map<string, number>,
  budget: Budget,
  minimum: number,
): Map<string, number> {
  const scores = layers.map(({ group }) => Float32Array.from({ length: group.channels }, (_, c) => (c < (counts.get(group.id) ?? 0) ? 1 : 0)));
  const candidates = layers.map(({ group }, index) => ({ group, minimum, scores: scores[index] ?? [] }));
  const needed = allocate(network, candidates, budget);
  return new Map([...counts].map(([id, count]) => [id, Math.max(count, needed.get(id) ?? 0)]));
}

/** The sub-model of the channels with the largest L1 norm of their random weights (the released code). */
export function startStructure(
  network: Network,
  layers: readonly ChexLayer[],
  counts: ReadonlyMap<string, number>,
  parameters: Tensors,
): Decision {
  const dense = denseStructure(network);
  const reasons: ChannelReason[] = [];
  const kept = layers.map((layer) => {
    const { group, conv } = layer;
    const norms = columnsOf(layer, parameters, dense).map(l1Norm);
    const count = counts.get(group.id) ?? group.channels;
    const chosen = largest(norms, count);
    const ranked = largest(norms, norms.length).sort((a, b) => (norms[b] ?? 0) - (norms[a] ?? 0) || a - b);
    const inside = new Set(chosen);
    norms.forEach((norm, channel) => {
      const rank = ranked.indexOf(channel) + 1;
      const place = `L1 norm ${norm.toFixed(2)} of its random weights, rank ${rank} of ${norms.length}`;
      const fate = inside.has(channel) ? 'kept' : 'pruned';
      const text = inside.has(channel)
        ? `In the starting network: ${place}; the layer starts with ${count}.`
        : `Not in the starting network: ${place}; the layer starts with the best ${count}.`;
      reasons.push({ layer: conv, channel, fate, score: norm, rank, of: norms.length, text });
    });
    return [group.id, chosen] as const;
  });
  return { structure: { channels: { ...dense.channels, ...Object.fromEntries(kept) } }, reasons };
}
