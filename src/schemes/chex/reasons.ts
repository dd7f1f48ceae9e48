import { type Structure, keptOf } from '../../core/network/index.ts';
import type { ChannelFate, ChannelReason } from '../../core/scheme/scheme.ts';
import { ranking } from '../shared/ranking.ts';
import type { ChexLayer } from './layers.ts';
import type { LayerChoice } from './prune.ts';
import type { Regrowth } from './regrow.ts';

/** One layer's outcome of an update. */
export interface LayerUpdate {
  readonly layer: ChexLayer;
  readonly choice: LayerChoice;
  readonly regrowth: Regrowth;
  /** BN scales of all the layer's channels. */
  readonly gammas: Float32Array;
}

/** One sentence with the numbers for every channel of a layer; `before` is the structure that was updated. */
export function explain({ layer, choice, regrowth, gammas }: LayerUpdate, before: Structure): ChannelReason[] {
  const { channels } = layer.group;
  const active = new Set(keptOf(before, layer.group));
  const kept = new Set(choice.kept);
  const regrown = new Set(regrowth.regrown);
  const order = ranking(choice.scores).filter((channel) => active.has(channel));
  const draws = regrowth.regrown.length;
  const threshold = Math.min(...choice.kept.map((channel) => choice.scores[channel] ?? 0));

  return Array.from({ length: channels }, (_, channel): ChannelReason => {
    const wasOn = active.has(channel);
    const drawn = regrown.has(channel);
    const fate = fateOf(wasOn, kept.has(channel) || drawn);
    const score = choice.scores[channel] ?? 0;
    const rank = order.indexOf(channel) + 1;
    const standing =
      `${choice.score} ${figures(score)}, rank ${rank} of ${active.size} active ` +
      `(BN scale ${figures(Math.abs(gammas[channel] ?? 0))}); by the BN scales of all layers this one keeps ` +
      `${choice.kept.length} of ${channels}`;
    const candidate = regrowth.candidates.get(channel);
    const chance = candidate && chanceText(candidate, draws);
    return {
      layer: layer.conv,
      channel,
      fate,
      ...(wasOn ? { score, rank, of: active.size, threshold } : {}),
      ...(candidate && draws > 0 ? { probability: candidate.probability } : {}),
      text: sentence(fate, drawn, standing, chance),
    };
  });
}

function fateOf(wasOn: boolean, isOn: boolean): ChannelFate {
  if (isOn) return wasOn ? 'kept' : 'regrown';
  return wasOn ? 'pruned' : 'off';
}

function chanceText(candidate: { residual: number; probability: number }, draws: number): string {
  const distance = `squared distance ${figures(candidate.residual)} from the span of the kept channels`;
  if (draws === 0) return `${distance}, but the layer regrows none this time`;
  return `${distance}, probability ${figures(candidate.probability)} in the first of ${draws} ${draws === 1 ? 'draw' : 'draws'}`;
}

function sentence(fate: ChannelFate, drawn: boolean, standing: string, chance: string | undefined): string {
  switch (fate) {
    case 'kept':
      return drawn ? `Lost by score, but regrown at once: ${standing}; ${chance}.` : `Kept: ${standing}.`;
    case 'pruned':
      return `Pruned: ${standing}. Not regrown: ${chance}.`;
    case 'regrown':
      return drawn
        ? `Regrown: ${chance}.`
        : 'Switched back on: the budget leaves room for more than the active channels.';
    case 'off':
      return `Stays off: ${chance}.`;
  }
}

const figures = (value: number): string => (value >= 0.001 || value === 0 ? value.toFixed(3) : value.toExponential(1));
