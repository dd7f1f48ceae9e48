import { useMemo } from 'react';
import { networkOf } from '../../core/events/network.ts';
import type { RunView } from '../../core/events/view.ts';
import { type ChannelGroup, type Structure, groupByNode, groupsOf } from '../../core/network/index.ts';
import type { SpecInput } from '../../core/spec/presets.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { structureOf } from '../taps/tap-edits.ts';
import {
  type Edits,
  type Prediction,
  editedStructure,
  keptAtWidth,
  predict,
  runningChannels,
  scoresOf,
  switched,
  switchedCount,
} from './what-if.ts';

/** Channels switched by hand on the map: what is pending, and how to switch more. */
export interface Editing {
  /** The channels that a layer would keep; null where it has them already. */
  wanted(layer: string): readonly number[] | null;
  /** Whether a layer's channels can be switched: never the image's channels or the classes, never in a recording. */
  editable(layer: string): boolean;
  /** Other layers that keep the same channels. */
  tiedTo(layer: string): readonly string[];
  toggle(layer: string, channel: number): void;
  setWidth(layer: string, width: number): void;
  /** Takes what was switched into use where nothing has been trained; after that it waits for Fork. */
  commit(): void;
  /** Channels that are switched, and what the network would cost; null without any. */
  readonly pending: { readonly channels: number; readonly prediction: Prediction } | null;
}

/** Switching by hand for the selected run, of which `view` is what the map shows. */
export function useEditing(view: RunView): Editing {
  const { actions, schemes, live, store } = useLab();
  const switchedByHand = useLabState((state) => state.edits);
  const chosenTaps = useLabState((state) => state.tapEdits);
  const lane = useLabState(({ lanes, selected }) => lanes.find(({ run }) => run === selected));
  const draft = useLabState((state) => state.draft);
  const { start } = view;
  const network = useMemo(() => (start ? networkOf(start) : null), [start]);
  const groups = useMemo(() => (network ? groupsOf(network) : []), [network]);
  const groupOf = useMemo(() => groupByNode(groups), [groups]);
  // While a change that was taken into use is being opened, the map still shows what it was made on.
  const edits = { ...(lane?.state === 'loading' ? draftedLists(draft) : {}), ...switchedByHand };
  const count = switchedCount(view, groups, edits);

  const layerOf = (group: ChannelGroup) => view.layers.find(({ layer }) => group.producers.includes(layer));
  const keep = (group: ChannelGroup, kept: readonly number[]): void => {
    const layer = layerOf(group);
    const running = layer ? runningChannels(layer) : [];
    const same = kept.length === running.length && kept.every((channel, index) => channel === running[index]);
    actions.switchChannels(group.id, same ? null : kept);
  };
  const editable = (layer: string): boolean =>
    lane !== undefined && !lane.recorded && (groupOf.get(layer)?.cuttable ?? false);

  const wantedStructure = (): Structure => ({
    channels: editedStructure(view, groups, edits),
    taps: { ...structureOf(view).taps, ...chosenTaps },
  });

  return {
    editable,
    wanted: (layer) => edits[groupOf.get(layer)?.id ?? ''] ?? null,
    tiedTo: (layer) => (groupOf.get(layer)?.producers ?? []).filter((other) => other !== layer),
    toggle(layer, channel) {
      const group = groupOf.get(layer);
      const row = group && layerOf(group);
      if (!group || !row || !editable(layer)) return;
      const kept = switched(edits[group.id] ?? runningChannels(row), channel);
      if (kept) keep(group, kept);
    },
    setWidth(layer, width) {
      const group = groupOf.get(layer);
      const row = group && layerOf(group);
      if (group && row && editable(layer)) keep(group, keptAtWidth(row.channels, scoresOf(view, group), width));
    },
    commit() {
      const { edits: now } = store.getState();
      const untrained = live().step === 0 && lane?.state !== 'running';
      if (!untrained || Object.keys(now).length === 0 || !schemes.some(({ id }) => id === 'manual')) return;
      actions.edit('scheme', { id: 'manual', keep: editedStructure(view, groups, { ...edits, ...now }) });
    },
    pending:
      network && count > 0
        ? { channels: count, prediction: predict(timed(view, live()), network, wantedStructure()) }
        : null,
  };
}

/** A view with a time to predict from: its own or, where it is rewound, what was measured later. */
function timed(view: RunView, live: RunView): RunView {
  return live.finish || view.latestMilliseconds.length === 0 ? live : view;
}

/** Lists of kept channels in a draft of the scheme `manual`. */
function draftedLists({ scheme }: SpecInput): Edits {
  if (typeof scheme !== 'object' || scheme === null || !('id' in scheme) || scheme.id !== 'manual') return {};
  if (!('keep' in scheme) || typeof scheme.keep !== 'object' || scheme.keep === null) return {};
  const lists = Object.entries(scheme.keep).flatMap(([layer, kept]: [string, unknown]) =>
    Array.isArray(kept) ? [[layer, kept.filter((channel) => typeof channel === 'number')] as const] : [],
  );
  return Object.fromEntries(lists);
}
