import { type Network, withWidths } from '../network/index.ts';
import { modelOf } from '../spec/network.ts';
import type { StartEvent } from './events.ts';

/** The network that a run trains, as its history has it. */
export function networkOf({ spec, widths }: Pick<StartEvent, 'spec' | 'widths'>): Network {
  const model = modelOf(spec);
  return widths ? withWidths(model, widths) : model;
}
