import { type Network, type Tensors, costOf, denseStructure } from '../../core/network/index.ts';
import type { ChannelReason, Decision } from '../../core/scheme/scheme.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { allocate } from '../shared/allocate.ts';
import { columnsOf, l1Norm } from '../shared/columns.ts';
import { ranking } from '../shared/ranking.ts';
import type { ChexLayer } from './layers.ts';

/**
 * Widths to start from, by group id: the same share of every layer. For a channel budget floor(C * (1 - (S - delta_0)))
 * (the released code). For MACs and parameters (ours) the smallest uniform share of channels whose network costs at
 * least keep + delta_0 of the dense one, so that the first prune stage has its whole budget to choose from.
 */
export function startCounts(
  network: Network,
  layers: readonly ChexLayer[],
  budget: Budget,
  regrow: number,
  minimum: number,
): ReadonlyMap<string, number> {
  const uniform = (share: number): Map<string, number> =>
    new Map(
      layers.map(({ group: { id, channels } }) => {
        const count = Math.floor(channels * share + 1e-9);
        return [id, Math.min(channels, Math.max(minimum, count))];
      }),
    );
  const wanted = Math.min(1, budget.keep + regrow);
  if (budget.kind === 'channels') return atLeastBudget(network, layers, uniform(wanted), budget, minimum);
  const cost = costOf(network, budget.kind);
  const target = wanted * cost(new Map());
  return uniform(widthSteps(layers).find((share) => cost(uniform(share)) >= target) ?? 1);
}

/** The shares at which a uniform share changes some layer's width, ascending. */
function widthSteps(layers: readonly ChexLayer[]): number[] {
  const shares = layers.flatMap(({ group: { channels } }) =>
    Array.from({ length: channels }, (_, c) => (c + 1) / channels),
  );
  return [...new Set(shares)].sort((a, b) => a - b);
}

/** Rounding down may leave fewer channels than the run ends with (when little is regrown): then more are added. */
function atLeastBudget(
  network: Network,
  layers: readonly ChexLayer[],
  counts: ReadonlyMap<string, number>,
  budget: Budget,
  minimum: number,
): ReadonlyMap<string, number> {
  const needed = allocate(
    network,
    layers.map(({ group }) => {
      const count = counts.get(group.id) ?? 0;
      return {
        group,
        minimum,
        scores: Array.from({ length: group.channels }, (_, channel) => (channel < count ? 1 : 0)),
      };
    }),
    budget,
  );
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
  const channels = layers.map((layer) => {
    const norms = columnsOf(layer, parameters, dense).map(l1Norm);
    const order = ranking(norms);
    const chosen = order.slice(0, counts.get(layer.group.id)).sort((a, b) => a - b);
    const threshold = Math.min(...chosen.map((channel) => norms[channel] ?? 0));
    norms.forEach((norm, channel) => {
      const rank = order.indexOf(channel) + 1;
      const on = rank <= chosen.length;
      const text =
        `${on ? 'In' : 'Not in'} the starting network: L1 norm ${norm.toFixed(2)} of its random weights, rank ${rank} ` +
        `of ${norms.length}; the layer starts with ${chosen.length}.`;
      reasons.push({
        layer: layer.conv,
        channel,
        fate: on ? 'kept' : 'pruned',
        score: norm,
        rank,
        of: norms.length,
        threshold,
        text,
      });
    });
    return [layer.group.id, chosen] as const;
  });
  return { structure: { channels: { ...dense.channels, ...Object.fromEntries(channels) } }, reasons };
}
