import { useMemo } from 'react';
import { networkOf } from '../../core/events/network.ts';
import type { RunView } from '../../core/events/view.ts';
import type { Network, Structure } from '../../core/network/index.ts';
import type { TapPattern } from '../../core/network/taps.ts';
import { type ConvLayer, stridedLayers } from '../../core/sparsity/index.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { type TapEdits, patternOf, samePattern, structureOf, withEdits } from './tap-edits.ts';

/** Kept taps of the selected run, as it has them and as they are wanted. */
export interface TapEditing {
  readonly network: Network;
  /** Convolutions whose taps can be chosen. */
  readonly layers: readonly ConvLayer[];
  /** What the run keeps at the step shown, and with all that was changed by hand. */
  readonly running: Structure;
  readonly edited: Structure;
  /** Convolutions whose taps differ from the run's. */
  readonly pending: readonly string[];
  /** Takes other taps for a convolution; they wait for Fork. */
  choose(layer: ConvLayer, pattern: TapPattern): void;
}

/** Null before the run is open, in a recording, and where no convolution has taps to choose. */
export function useTaps(view: RunView): TapEditing | null {
  const { actions } = useLab();
  const channels = useLabState(({ edits }) => edits);
  const taps = useLabState(({ tapEdits }) => tapEdits);
  const recorded = useLabState(({ lanes, selected }) => lanes.find(({ run }) => run === selected)?.recorded ?? true);
  const { start } = view;
  const network = useMemo(() => (start ? networkOf(start) : null), [start]);
  const layers = useMemo(() => (network ? stridedLayers(network) : []), [network]);
  const running = structureOf(view);
  const edited = useMemo(() => withEdits(running, channels, taps), [running, channels, taps]);
  if (!network || recorded || layers.length === 0) return null;
  return {
    network,
    layers,
    running,
    edited,
    pending: changedLayers(layers, running, taps),
    choose: (layer, pattern) =>
      actions.chooseTaps(layer.id, samePattern(pattern, patternOf(running, layer)) ? null : pattern),
  };
}

const changedLayers = (layers: readonly ConvLayer[], running: Structure, taps: TapEdits): readonly string[] =>
  layers.flatMap((layer) => {
    const wanted = taps[layer.id];
    return wanted && !samePattern(wanted, patternOf(running, layer)) ? [layer.id] : [];
  });
