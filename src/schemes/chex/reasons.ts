import { type Structure, keptOf } from '../../core/network/index.ts';
import type { ChannelFate, ChannelReason } from '../../core/scheme/scheme.ts';
import type { ChexLayer } from './layers.ts';
import type { LayerChoice } from './prune.ts';
import type { Regrowth } from './regrow.ts';

/** One layer's outcome of an update. */
export interface LayerUpdate {
  readonly layer: ChexLayer;
  readonly choice: LayerChoice;
  readonly regrowth: Regrowth;
  readonly gammas: Float32Array;
}

const figures = (value: number): string => (value >= 0.001 || value === 0 ? value.toFixed(3) : value.toExponential(1));

/** One sentence with the numbers for every channel of a layer. */
export function explain({ layer, choice, regrowth, gammas }: LayerUpdate, before: Structure): ChannelReason[] {
  const { channels } = layer.group;
  const active = new Set(keptOf(before, layer.group));
  const kept = new Set(choice.kept);
  const regrown = new Set(regrowth.regrown);
  const order = [...active].sort((a, b) => (choice.scores[b] ?? 0) - (choice.scores[a] ?? 0) || a - b);
  return Array.from({ length: channels }, (_, channel): ChannelReason => {
    const on = kept.has(channel) || regrown.has(channel);
    const fate = fateOf(active.has(channel), on);
    const score = choice.scores[channel] ?? 0;
    const rank = order.indexOf(channel) + 1;
    const scale = `BN scale ${figures(Math.abs(gammas[channel] ?? 0))}`;
    const share = `the BN scales of all layers leave this one ${choice.kept.length} of ${channels}`;
    const standing = `${choice.score} ${figures(score)}, rank ${rank} of ${active.size} active, ${scale}; ${share}`;
    const candidate = regrowth.candidates.get(channel);
    const draw = candidate
      ? `squared distance ${figures(candidate.residual)} from the span of the kept channels, drawn with probability ${figures(candidate.probability)}`
      : '';
    const base = { layer: layer.conv, channel, fate };
    const ranked = active.has(channel) ? { score, rank, of: active.size } : {};
    const drawn = candidate ? { probability: candidate.probability } : {};
    return { ...base, ...ranked, ...drawn, text: sentence(fate, regrown.has(channel), active.has(channel) ? standing : '', draw) };
  });
}

function fateOf(wasOn: boolean, isOn: boolean): ChannelFate {
  if (isOn) return wasOn ? 'kept' : 'regrown';
  return wasOn ? 'pruned' : 'off';
}

function sentence(fate: ChannelFate, drawn: boolean, standing: string, draw: string): string {
  switch (fate) {
    case 'kept':
      return drawn ? `Lost by score, but regrown at once: ${standing}. ${upper(draw)}.` : `Kept: ${standing}.`;
    case 'pruned':
      return `Pruned: ${standing}. It could have been regrown (${draw}).`;
    case 'regrown':
      return draw ? `Regrown: ${draw}.` : 'Switched back on to meet the budget exactly.';
    case 'off':
      return `Stays off: ${draw}.`;
  }
}

const upper = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
