import type { ChannelView, LayerView, RunView } from '../../core/events/view.ts';
import { type ChannelGroup, type Network, type Structure, costOf, countStructure } from '../../core/network/index.ts';

/** Kept channels by group, as switched by hand. */
export type Edits = Readonly<Record<string, readonly number[]>>;

const isOn = ({ fate }: ChannelView): boolean => fate === 'kept' || fate === 'regrown';

/** The channels of a layer that a run keeps, ascending. */
export const runningChannels = ({ channels }: LayerView): readonly number[] =>
  channels.flatMap((channel, index) => (isOn(channel) ? [index] : []));

/** The kept channels with one of them switched; null where it is the last one, which has to stay. */
export function switched(kept: readonly number[], channel: number): readonly number[] | null {
  const others = kept.filter((other) => other !== channel);
  if (others.length === kept.length) return [...kept, channel].sort((a, b) => a - b);
  return others.length > 0 ? others : null;
}

/**
 * The channels to keep at a width: of those that are on the best scored, then of those that are off the best scored, so
 * that the present width keeps the present channels. Those without a score come last, in order.
 */
export function keptAtWidth(
  channels: readonly ChannelView[],
  scores: readonly (number | undefined)[],
  width: number,
): readonly number[] {
  const order = channels.map((channel, index) => ({
    index,
    on: isOn(channel) ? 1 : 0,
    score: scores[index] ?? -Infinity,
  }));
  const byScore = (a: number, b: number): number => (a === b ? 0 : b - a);
  order.sort((a, b) => b.on - a.on || byScore(a.score, b.score) || a.index - b.index);
  const count = Math.min(channels.length, Math.max(1, Math.round(width)));
  return order
    .slice(0, count)
    .map(({ index }) => index)
    .sort((a, b) => a - b);
}

/** The score of each channel of a group, which a scheme tells at any one of its layers. */
export function scoresOf(view: RunView, group: ChannelGroup): readonly (number | undefined)[] {
  const layers = view.layers.filter(({ layer }) => group.producers.includes(layer));
  return Array.from(
    { length: group.channels },
    (_, index) =>
      layers.find(({ channels }) => channels[index]?.reason?.score !== undefined)?.channels[index]?.reason?.score,
  );
}

/** What the groups keep with the edits made: by group, all that are not whole. */
export function editedStructure(view: RunView, groups: readonly ChannelGroup[], edits: Edits): Edits {
  const entries = groups.flatMap((group): [string, readonly number[]][] => {
    const layer = view.layers.find(({ layer: id }) => group.producers.includes(id));
    const kept = edits[group.id] ?? (layer && runningChannels(layer));
    return kept && kept.length < group.channels ? [[group.id, kept]] : [];
  });
  return Object.fromEntries(entries);
}

/** How many channels differ from what the run has. */
export function switchedCount(view: RunView, groups: readonly ChannelGroup[], edits: Edits): number {
  return groups.reduce((sum, group) => {
    const kept = edits[group.id];
    const layer = view.layers.find(({ layer: id }) => group.producers.includes(id));
    if (!kept || !layer) return sum;
    const wanted = new Set(kept);
    return sum + layer.channels.filter((channel, index) => isOn(channel) !== wanted.has(index)).length;
  }, 0);
}

/** What an edited structure would cost. */
export interface Prediction {
  readonly macs: number;
  readonly parameters: number;
  /** Milliseconds, and what they are derived from; null before anything was measured. */
  readonly time: { readonly milliseconds: number; readonly of: 'image' | 'step'; readonly measured: number } | null;
}

/**
 * Counts of an edited structure, and its time: the run's measured one (an image's latency, else a training step's)
 * scaled by the MACs.
 */
export function predict(view: RunView, network: Network, structure: Structure): Prediction {
  const { macs, parameters } = countsOf(network, structure);
  const latency = view.finish?.latencyMs.find(({ batch }) => batch === 1)?.median;
  const steps = view.latestMilliseconds;
  const step = steps.length > 0 ? steps.reduce((sum, one) => sum + one, 0) / steps.length : undefined;
  const measured = latency ?? step;
  if (measured === undefined || view.macs === 0) return { macs, parameters, time: null };
  const of = latency === undefined ? 'step' : 'image';
  return { macs, parameters, time: { milliseconds: (measured * macs) / view.macs, of, measured } };
}

/** Taps cost more to count, so they are counted only where there are any. */
function countsOf(network: Network, structure: Structure): { readonly macs: number; readonly parameters: number } {
  if (Object.keys(structure.taps ?? {}).length > 0) return countStructure(network, structure);
  const widths = new Map(Object.entries(structure.channels).map(([group, kept]) => [group, kept.length]));
  return { macs: costOf(network, 'macs')(widths), parameters: costOf(network, 'parameters')(widths) };
}
