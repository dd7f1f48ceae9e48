import {
  type ChannelGroup,
  type Network,
  type Structure,
  countNetwork,
  denseStructure,
  groupByNode,
  groupsOf,
} from '../../core/network/index.ts';
import type { Budget } from '../../core/spec/spec.ts';

/** A layer (channel group) whose width is to be decided. */
export interface Candidate {
  readonly group: ChannelGroup;
  /** One score a channel, higher = keep; compared across all layers. */
  readonly scores: ArrayLike<number>;
  /** Channels that the layer keeps at least. */
  readonly minimum: number;
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
  if (budget.kind === 'channels') {
    const total = candidates.reduce((sum, { group }) => sum + group.channels, 0);
    const taken = [...counts.values()].reduce((a, b) => a + b, 0);
    const wanted = channelsToKeep(total, budget.keep);
    if (taken > wanted) throw infeasible(budget, taken / total);
    for (const id of queue.slice(0, wanted - taken)) counts.set(id, (counts.get(id) ?? 0) + 1);
    return counts;
  }
  const dense = countNetwork(network)[budget.kind];
  const limit = budget.keep * dense;
  const cost = costOf(network, budget.kind);
  let spent = cost(counts);
  if (spent > limit) throw infeasible(budget, spent / dense);
  for (const id of queue) {
    const width = counts.get(id) ?? 0;
    counts.set(id, width + 1);
    const next = cost(counts);
    if (next > limit) counts.set(id, width);
    else spent = next;
  }
  return counts;
}

/** ceil(keep * total), written so that floating point does not lose a channel (DESIGN section 4). */
export const channelsToKeep = (total: number, keep: number): number => Math.ceil(keep * total - 1e-9);

/** Group ids, one entry for each channel beyond its layer's minimum, best first. */
function rankedBeyondMinimum(candidates: readonly Candidate[]): string[] {
  const entries = candidates.flatMap(({ group, scores, minimum }, layer) => {
    const ranked = Array.from({ length: group.channels }, (_, channel) => ({ layer, channel, score: scores[channel] ?? 0 }));
    ranked.sort((a, b) => b.score - a.score || a.channel - b.channel);
    return ranked.slice(Math.min(minimum, group.channels)).map((entry) => ({ ...entry, id: group.id }));
  });
  entries.sort((a, b) => b.score - a.score || a.layer - b.layer || a.channel - b.channel);
  return entries.map(({ id }) => id);
}

/** The structure that keeps the first `counts` channels of each group: all that counting needs. */
export function structureOfWidths(network: Network, counts: ReadonlyMap<string, number>): Structure {
  const dense = denseStructure(network);
  const cut = [...counts].map(([id, count]) => [id, dense.channels[id]?.slice(0, count) ?? []] as const);
  return { channels: { ...dense.channels, ...Object.fromEntries(cut) } };
}

/** Cost of a network by the widths of its groups: each layer's weights (or MACs) scale with its two widths. */
function costOf(network: Network, kind: 'parameters' | 'macs'): (counts: ReadonlyMap<string, number>) => number {
  // Each layer costs (its cost a pair of channels) x (input channels kept) x (output channels kept).
  const pairs = layerPairs(network, kind);
  return (counts) =>
    pairs.reduce((sum, { each, input, output }) => {
      const inputs = counts.get(input.id) ?? input.channels;
      const outputs = counts.get(output.id) ?? output.channels;
      return sum + each * inputs * outputs;
    }, 0);
}

interface LayerPair {
  readonly each: number;
  readonly input: ChannelGroup;
  readonly output: ChannelGroup;
}

function layerPairs(network: Network, kind: 'parameters' | 'macs'): LayerPair[] {
  const groupOf = groupByNode(groupsOf(network));
  const layers = new Map(countNetwork(network).layers.map((layer) => [layer.layer, layer]));
  return network.nodes.flatMap((node): LayerPair[] => {
    if (node.op !== 'conv' && node.op !== 'dense') return [];
    const [input, output, layer] = [groupOf.get(node.input), groupOf.get(node.id), layers.get(node.id)];
    if (!input || !output || !layer) return [];
    return [{ each: layer[kind] / (input.channels * output.channels), input, output }];
  });
}

function infeasible(budget: Budget, smallest: number): Error {
  const percent = Math.ceil(smallest * 1_000) / 1_000;
  return new Error(
    `scheme.budget.keep: ${budget.keep} of the ${budget.kind} cannot be met, because every layer keeps its minimum of ` +
      `channels; the smallest possible share is ${percent}`,
  );
}
