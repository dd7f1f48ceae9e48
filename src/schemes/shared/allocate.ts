import { type ChannelGroup, type Network, costOf } from '../../core/network/index.ts';
import type { Budget } from '../../core/spec/spec.ts';

/** A layer (channel group) whose width is to be decided. */
export interface Candidate {
  readonly group: ChannelGroup;
  /** One score a channel, higher = keep; compared across all layers. */
  readonly scores: ArrayLike<number>;
  /** Channels that the layer keeps at least. */
  readonly minimum: number;
  /** Channels that it can keep at most; all when absent. */
  readonly maximum?: number;
}

/**
 * How many channels each layer keeps under a budget: channels are taken in order of decreasing score over all layers
 * (ties: lower layer, then lower channel) on top of every layer's minimum. A channel budget is met exactly:
 * ceil(keep * M) of all M prunable channels. A parameter or MAC budget is a share of the dense network's total and is
 * never exceeded: a channel that does not fit is passed over, so that at the end no single channel more would fit.
 *
 * Returns counts by group id. Throws a sentence with the smallest feasible share when the minima alone exceed it.
 */
export function allocate(network: Network, candidates: readonly Candidate[], budget: Budget): Map<string, number> {
  const counts = new Map(candidates.map(({ group, minimum }) => [group.id, Math.min(minimum, group.channels)]));
  const queue = rankedBeyondMinimum(candidates);
  const widen = (id: string, by: number): Map<string, number> => counts.set(id, (counts.get(id) ?? 0) + by);
  if (budget.kind === 'channels') {
    const total = candidates.reduce((sum, { group }) => sum + group.channels, 0);
    const taken = [...counts.values()].reduce((a, b) => a + b, 0);
    const wanted = channelsToKeep(total, budget.keep);
    if (taken > wanted) throw infeasible(budget, taken / total);
    for (const id of queue.slice(0, wanted - taken)) widen(id, 1);
    return counts;
  }
  const cost = costOf(network, budget.kind);
  const dense = cost(new Map());
  const limit = budget.keep * dense;
  if (cost(counts) > limit) throw infeasible(budget, cost(counts) / dense);
  for (const id of queue) {
    widen(id, 1);
    // Costs only grow from here on, so a channel that does not fit now never will.
    if (cost(counts) > limit) widen(id, -1);
  }
  return counts;
}

/** ceil(keep * total), written so that floating point does not lose a channel (DESIGN section 4). */
export const channelsToKeep = (total: number, keep: number): number => Math.ceil(keep * total - 1e-9);

/** Group ids, one entry for each channel beyond its layer's minimum, best first. */
function rankedBeyondMinimum(candidates: readonly Candidate[]): string[] {
  const entries = candidates.flatMap(({ group, scores, minimum, maximum = group.channels }, layer) => {
    const ranked = Array.from({ length: group.channels }, (_, channel) => ({
      id: group.id,
      layer,
      channel,
      score: scores[channel] ?? 0,
    }));
    ranked.sort((a, b) => b.score - a.score || a.channel - b.channel);
    return ranked.slice(minimum, maximum);
  });
  entries.sort((a, b) => b.score - a.score || a.layer - b.layer || a.channel - b.channel);
  return entries.map(({ id }) => id);
}

function infeasible(budget: Budget, smallest: number): Error {
  const share = Math.ceil(smallest * 1_000) / 1_000;
  return new Error(
    `scheme.budget.keep: ${budget.keep} of the ${budget.kind} cannot be met, because every layer keeps its minimum of ` +
      `channels; the smallest possible share is ${share}`,
  );
}
