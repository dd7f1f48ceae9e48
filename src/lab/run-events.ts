import type { AdapterRecord, RunEvent } from '../core/events/events.ts';
import { withoutUndone } from '../core/events/undone.ts';
import {
  type Network,
  type Structure,
  changesBetween,
  checkStructure,
  compact,
  convolutionsOf,
  countNetwork,
  denseStructure,
  groupByNode,
  groupsOf,
  widthsOf,
} from '../core/network/index.ts';
import type { Decision } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { RunPlan } from './plan.ts';

/** The events of step 0: the start, a note if there is one, and the structure that the scheme starts with. */
export function startEvents(
  spec: Spec,
  { network, model, steps, stepsPerEpoch, prunable }: RunPlan,
  start: Decision,
  about: { readonly adapter: AdapterRecord; readonly milliseconds: number; readonly note: string | undefined },
): readonly RunEvent[] {
  const { adapter, milliseconds, note } = about;
  const { macs, parameters } = countNetwork(model);
  const dense = { macs, parameters, widths: widthsOf(model) };
  const other = network === model ? {} : { widths: widthsOf(network) };
  return [
    { kind: 'start', step: 0, spec, steps, stepsPerEpoch, adapter, dense, prunable, ...other },
    ...(note === undefined ? [] : [{ kind: 'note', step: 0, message: note } as const]),
    ...structureEvents(network, denseStructure(network), start, { step: 0, milliseconds }),
  ];
}

/**
 * What a decision after `step` updates did: the `densities` it follows from, if any; `prune` (`crop`, where densities say
 * the widths) of every convolution that lost channels, `regrow` of every one that got some back (all producers of a channel
 * group, in network order); then the new `structure`.
 */
export function structureEvents(
  network: Network,
  before: Structure,
  decision: Decision,
  at: { readonly step: number; readonly milliseconds: number },
): readonly RunEvent[] {
  const { structure, reasons, densities } = decision;
  const { step, milliseconds } = at;
  const smaller = compact(network, structure).network;
  const { macs, parameters } = countNetwork(smaller);
  const widths = widthsOf(smaller);
  const groupOf = groupByNode(groupsOf(network));
  const changes = new Map(changesBetween(network, before, structure).map((change) => [change.group, change]));

  const channelEvents = (kind: 'prune' | 'crop' | 'regrow'): RunEvent[] =>
    convolutionsOf(network).flatMap(({ id: layer }): RunEvent[] => {
      const group = groupOf.get(layer);
      const change = group && changes.get(group.id);
      const channels = (kind === 'regrow' ? change?.regrown : change?.pruned) ?? [];
      if (!group || channels.length === 0) return [];
      const changed = new Set(channels);
      // A scheme explains a group once, at whichever of its producers it scored.
      const why = reasons.filter((reason) => group.producers.includes(reason.layer) && changed.has(reason.channel));
      return [{ kind, step, layer, channels, width: widths[layer] ?? 0, reasons: why }];
    });

  return [
    ...(densities ? [{ kind: 'densities', step, report: densities } as const] : []),
    ...channelEvents(densities ? 'crop' : 'prune'),
    ...channelEvents('regrow'),
    { kind: 'structure', step, structure, widths, macs, parameters, reasons, milliseconds },
  ];
}

/**
 * What a fork's log begins with: a start of its own, then what its parent told up to the update `step`, which what was
 * due after it is not part of.
 */
export function forkEvents(
  spec: Spec,
  { steps, stepsPerEpoch, prunable }: RunPlan,
  parent: { readonly log: readonly RunEvent[]; readonly name: string },
  step: number,
): readonly RunEvent[] {
  const { log, name } = parent;
  const shared = withoutUndone(log).filter(
    (event) => event.step < step || (event.step === step && event.kind === 'step'),
  );
  const start = shared.find((event) => event.kind === 'start');
  if (!start) throw new Error(`The run “${name}” has no history to fork from.`);
  return [
    { ...start, spec, steps, stepsPerEpoch, prunable, parent: { name, step } },
    ...shared.filter((event) => event !== start),
    { kind: 'fork', step, message: `Forked from “${name}” at step ${step}.` },
  ];
}

/** The same for channels that the user switched off or on. */
export function handEvents(
  network: Network,
  before: Structure,
  decision: Decision,
  at: { readonly step: number; readonly milliseconds: number },
): readonly RunEvent[] {
  return structureEvents(network, before, decision, at).map((event) =>
    event.kind === 'structure' ? { ...event, by: 'hand' } : event,
  );
}

/** What the user changed: kept channels by group, and kept taps by convolution. */
export interface HandChanges {
  readonly channels?: Structure['channels'] | undefined;
  readonly taps?: Structure['taps'] | undefined;
}

/** What the user changed, with a reason for every changed channel. Throws a sentence when the network does not allow it. */
export function handDecision(network: Network, before: Structure, { channels, taps }: HandChanges): Decision {
  const structure = {
    ...before,
    channels: { ...denseStructure(network).channels, ...before.channels, ...channels },
    ...(taps ? { taps: { ...before.taps, ...taps } } : {}),
  };
  checkStructure(network, structure);
  const producers = new Map(groupsOf(network).map((group) => [group.id, group.producers[0] ?? group.id]));
  const reasons = changesBetween(network, before, structure).flatMap(({ group, pruned, regrown }) => {
    const layer = producers.get(group) ?? group;
    return [
      ...pruned.map((channel) => ({ layer, channel, fate: 'pruned' as const, text: 'Switched off by hand.' })),
      ...regrown.map((channel) => ({ layer, channel, fate: 'regrown' as const, text: 'Switched back on by hand.' })),
    ];
  });
  return { structure, reasons };
}
