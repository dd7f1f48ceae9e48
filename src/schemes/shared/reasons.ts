import type { ChannelReason } from '../../core/scheme/scheme.ts';
import { namesOf } from './layers.ts';
import type { Scope } from './options.ts';
import type { LayerChoice, Selection } from './select.ts';

interface Standing {
  readonly score: number;
  readonly rank: number;
  readonly of: number;
  readonly globalRank?: number;
  readonly globalOf?: number;
  readonly threshold?: number;
}

/**
 * One sentence with the numbers for every channel of every layer, at the layer's first convolution. `name` is what the
 * score is called, `minimum` the floor of a global ranking.
 */
export function explainSelection({ choices }: Selection, scope: Scope, name: string, minimum = 1): ChannelReason[] {
  const global = scope === 'global' ? globalRanking(choices, minimum) : null;
  return choices.flatMap((choice) => explainLayer(choice, name, global));
}

interface GlobalRanking {
  readonly rankOf: (choice: LayerChoice, channel: number) => number;
  readonly of: number;
  readonly threshold: number | undefined;
}

/** Ranks all active channels together; ties as when widths are allocated: lower layer, then lower channel. */
function globalRanking(choices: readonly LayerChoice[], minimum: number): GlobalRanking {
  const all = choices.flatMap((choice, layer) =>
    choice.order.map((channel) => ({ choice, layer, channel, score: choice.scores[channel] ?? 0 })),
  );
  all.sort((a, b) => b.score - a.score || a.layer - b.layer || a.channel - b.channel);
  const ranks = new Map(choices.map((choice) => [choice, new Map<number, number>()]));
  all.forEach(({ choice, channel }, place) => ranks.get(choice)?.set(channel, place + 1));
  // Layers at their smallest width say nothing of where the ranking was cut.
  const lowest = choices.filter(({ kept }) => kept.length > minimum).map(lowestKept);
  return {
    rankOf: (choice, channel) => ranks.get(choice)?.get(channel) ?? 0,
    of: all.length,
    threshold: lowest.length > 0 ? Math.min(...lowest) : undefined,
  };
}

const lowestKept = ({ order, scores, kept }: LayerChoice): number => scores[order[kept.length - 1] ?? 0] ?? 0;

function explainLayer(choice: LayerChoice, name: string, global: GlobalRanking | null): ChannelReason[] {
  const { layer, order, scores, kept } = choice;
  const names = namesOf(layer);
  const threshold = global ? global.threshold : lowestKept(choice);
  return Array.from({ length: layer.group.channels }, (_, channel): ChannelReason => {
    const tied = names.tied.length > 0 ? { tied: names.tied } : {};
    const about = { layer: names.layer, channel, ...tied };
    const place = order.indexOf(channel);
    if (place < 0) return { ...about, fate: 'off', text: 'Stays off: it was pruned before, and nothing comes back.' };
    const standing: Standing = {
      score: scores[channel] ?? 0,
      rank: place + 1,
      of: order.length,
      ...(global ? { globalRank: global.rankOf(choice, channel), globalOf: global.of } : {}),
      ...(threshold === undefined ? {} : { threshold }),
    };
    const stays = place < kept.length;
    const text = sentence(stays, standing, choice, name) + tiedText(names.tied);
    return { ...about, fate: stays ? 'kept' : 'pruned', ...standing, text };
  });
}

function sentence(
  stays: boolean,
  { score, rank, of, globalRank, globalOf, threshold }: Standing,
  { layer, kept }: LayerChoice,
  name: string,
): string {
  const width = `the layer keeps ${kept.length} of ${layer.group.channels}`;
  const local = `rank ${rank} of ${of} in its layer`;
  const fate = `${stays ? 'Kept' : 'Pruned'}: ${name} ${figures(score)}, ${local}`;
  if (globalRank === undefined) {
    return `${fate}; ${width}, down to ${name} ${figures(threshold ?? 0)}.`;
  }
  const cut = threshold === undefined ? '' : `, cut at ${figures(threshold)}`;
  return `${fate} and ${globalRank} of ${globalOf} in all${cut}; ${width}${exception(stays, score - (threshold ?? Infinity))}.`;
}

/** Why a channel stays or goes against the global ranking, by how far its score is above the threshold. */
function exception(stays: boolean, above: number): string {
  if (stays && above < 0) return ', its smallest width';
  if (!stays && above > 0) return ', where one more would exceed the budget and cheaper channels still fit';
  return '';
}

const tiedText = ({ length }: readonly string[]): string =>
  length === 0 ? '' : ` Tied by additions to ${length} other ${length === 1 ? 'convolution' : 'convolutions'}.`;

/** A number with some three figures. */
export function figures(value: number): string {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return String(value);
  return size >= 0.001 ? value.toFixed(3) : value.toExponential(1);
}
