import { type ChannelGroup, type Network, changesBetween, groupsOf, keptOf } from '../../core/network/index.ts';
import type { ChannelReason } from '../../core/scheme/scheme.ts';
import { type ChoiceReport, mapGroups } from '../../core/sparsity/index.ts';
import { cuttableLayers } from '../shared/layers.ts';
import { explainSelection } from '../shared/reasons.ts';
import { rankLayer } from '../shared/select.ts';
import type { Pruned } from './held.ts';
import type { MapNorms } from './spaces.ts';

/** A sentence for every map that a map stage weighed. `norms`: what magnitude ranked by. */
export function mapReasons(
  network: Network,
  before: Pruned,
  chosen: Pruned,
  report: ChoiceReport,
  norms: MapNorms,
): readonly ChannelReason[] {
  const { choose } = report;
  if (choose === 'magnitude') return magnitudeReasons(network, before, chosen, norms);
  return mapGroups(network).flatMap((group) => {
    const kept = new Set(keptOf(chosen.structure, group));
    const all = keptOf(before.structure, group);
    const why = `${CHOSEN[choose](report)}; the layer keeps ${kept.size} of ${all.length}`;
    return all.map((channel) => {
      const stays = kept.has(channel);
      return {
        ...about(group, channel),
        fate: stays ? ('kept' as const) : ('pruned' as const),
        text: `${stays ? 'Kept' : 'Pruned'}: ${why}.`,
      };
    });
  });
}

const percent = (accuracy: number): string => `${(accuracy * 100).toFixed(1)} %`;
const together = ({ accuracy, images }: ChoiceReport): string =>
  `the masks of all layers were chosen together, with accuracy ${percent(accuracy)} on ${images} held-out images`;

const CHOSEN: Readonly<Record<'random' | 'best' | 'particles', (report: ChoiceReport) => string>> = {
  random: () => 'drawn at random',
  best: (report) => `${together(report)} the best of ${report.evaluations} random ones`,
  particles: (report) => `${together(report)} the best of ${report.evaluations} of the particle filter`,
};

function magnitudeReasons(network: Network, before: Pruned, chosen: Pruned, norms: MapNorms): readonly ChannelReason[] {
  const choices = cuttableLayers(network).flatMap((layer) => {
    const own = norms.get(layer.group.id);
    if (!own) return [];
    const ranked = rankLayer(layer, before.structure, () => own);
    return [{ ...ranked, kept: keptOf(chosen.structure, layer.group) }];
  });
  return explainSelection({ structure: chosen.structure, choices }, 'local', 'L1 norm');
}

/** A sentence for every map that went because kernels did. */
export function emptiedReasons(network: Network, chosen: Pruned, cleaned: Pruned): readonly ChannelReason[] {
  const groups = new Map(groupsOf(network).map((group) => [group.id, group]));
  return changesBetween(network, chosen.structure, cleaned.structure).flatMap(({ group: id, pruned }) => {
    const group = groups.get(id);
    if (!group) return [];
    return pruned.map((channel) => ({
      ...about(group, channel),
      fate: 'pruned' as const,
      text: 'Pruned: no kernel is left that writes it, or none that reads it.',
    }));
  });
}

function about({ producers }: ChannelGroup, channel: number): Pick<ChannelReason, 'layer' | 'channel' | 'tied'> {
  const [layer = '', ...tied] = producers;
  return { layer, channel, ...(tied.length > 0 ? { tied } : {}) };
}
