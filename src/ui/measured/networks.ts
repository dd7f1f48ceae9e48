import { networkOf } from '../../core/events/network.ts';
import type { StartEvent } from '../../core/events/events.ts';
import type { RunView } from '../../core/events/view.ts';
import { type Structure, bytesOf, denseStructure } from '../../core/network/index.ts';
import { modelOf } from '../../core/spec/network.ts';
import type { Pair, Sizes } from './rows.ts';

/** Sizes of the dense network that a run's spec names. */
export function denseSizes({ spec, dense }: StartEvent): Sizes {
  const model = modelOf(spec);
  return { macs: dense.macs, parameters: dense.parameters, bytes: bytesOf(model, denseStructure(model)) };
}

/** The structure of a run where a view shows it. */
export function structureOf({ log, start }: RunView): Structure | null {
  if (!start) return null;
  const told = log.findLast((event) => event.kind === 'structure');
  return told?.structure ?? denseStructure(networkOf(start));
}

/** Sizes of the dense network and of the one that a view shows; null before the run has begun. */
export function sizesOf(view: RunView): Pair<Sizes> | null {
  const { start, macs, parameters } = view;
  const structure = structureOf(view);
  if (!start || !structure) return null;
  return { dense: denseSizes(start), now: { macs, parameters, bytes: bytesOf(networkOf(start), structure) } };
}
