import { type Network, type Structure, denseStructure, keptOf } from '../../core/network/index.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { type Candidate, allocate } from './allocate.ts';
import type { Score } from './criterion.ts';
import { type Layer, namesOf } from './layers.ts';
import type { Scope } from './options.ts';
import { ranking } from './ranking.ts';

export interface SelectionRule {
  readonly budget: Budget;
  readonly scope: Scope;
  /** Channels that every layer keeps at least. */
  readonly minimum: number;
}

/** What became of one layer. */
export interface LayerChoice {
  readonly layer: Layer;
  /** Channels that were on, best first, and the score of every channel. */
  readonly order: readonly number[];
  readonly scores: ArrayLike<number>;
  /** Channels that stay, ascending. */
  readonly kept: readonly number[];
}

export interface Selection {
  readonly structure: Structure;
  readonly choices: readonly LayerChoice[];
}

/**
 * Keeps the channels with the highest scores, under a budget, among those that are on; ties go to the lower index. With
 * local scope every layer keeps the same share of its full width, as closely as whole channels and an exact total
 * allow; with global scope one ranking over all layers decides how many each keeps.
 */
export function selectChannels(
  network: Network,
  layers: readonly Layer[],
  structure: Structure,
  score: Score,
  rule: SelectionRule,
): Selection {
  if (rule.scope === 'global') {
    const ranked = layers.map((layer) => rankLayer(layer, structure, score));
    const counts = allocate(network, ranked.map(globalCandidate(rule)), rule.budget);
    return keepBest(network, ranked, counts, structure);
  }
  const counts = localCounts(network, layers, structure, rule);
  // One layer after the other, so that a criterion may leave out what the layers before it have just lost.
  let selection: Selection = { structure, choices: [] };
  for (const layer of layers) {
    const next = keepBest(network, [rankLayer(layer, selection.structure, score)], counts, selection.structure);
    selection = { structure: next.structure, choices: [...selection.choices, ...next.choices] };
  }
  return selection;
}

/** Widths of a local ranking, by group id. Throws a sentence when the budget cannot be met. */
export function localCounts(
  network: Network,
  layers: readonly Layer[],
  structure: Structure,
  { budget, minimum }: Omit<SelectionRule, 'scope'>,
): ReadonlyMap<string, number> {
  const candidates = layers.map(({ group }): Candidate => {
    // Best for the first channel of each layer, then in equal shares of its width: a layer's n-th channel comes when
    // all layers have about the share n/width.
    const scores = Array.from({ length: group.channels }, (_, place) => -(place + 0.5) / group.channels);
    return { group, minimum, maximum: keptOf(structure, group).length, scores };
  });
  return allocate(network, candidates, budget);
}

export type Ranked = Omit<LayerChoice, 'kept'>;

/** Ranks the channels of a layer that are on. Throws a sentence when a score is not finite. */
export function rankLayer(layer: Layer, structure: Structure, score: Score): Ranked {
  const scores = score(layer, structure);
  const on = new Set(keptOf(structure, layer.group));
  for (const channel of on) {
    if (Number.isFinite(scores[channel])) continue;
    throw new Error(
      `The score of channel ${channel} of ${namesOf(layer).layer} is not a finite number: the run has diverged. ` +
        'Lower train.learningRate.',
    );
  }
  return { layer, scores, order: ranking(scores).filter((channel) => on.has(channel)) };
}

const globalCandidate =
  ({ minimum }: SelectionRule) =>
  ({ layer: { group }, order, scores }: Ranked): Candidate => {
    // Channels that are off never come back: they are last, and beyond the maximum.
    const among = new Float64Array(group.channels).fill(-Infinity);
    for (const channel of order) among[channel] = scores[channel] ?? 0;
    return { group, minimum, maximum: order.length, scores: among };
  };

/** Keeps of each ranked layer as many channels as `counts` says by group id, the best ones. */
export function keepBest(
  network: Network,
  ranked: readonly Ranked[],
  counts: ReadonlyMap<string, number>,
  before: Structure,
): Selection {
  const choices = ranked.map((one): LayerChoice => {
    const kept = one.order.slice(0, counts.get(one.layer.group.id)).sort((a, b) => a - b);
    return { ...one, kept };
  });
  const chosen = Object.fromEntries(choices.map(({ layer, kept }) => [layer.group.id, kept]));
  return {
    structure: { ...before, channels: { ...denseStructure(network).channels, ...before.channels, ...chosen } },
    choices,
  };
}
