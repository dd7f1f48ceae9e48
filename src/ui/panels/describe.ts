import type { ChannelView, LayerView } from '../../core/events/view.ts';

const STATES = { kept: 'on', regrown: 'just regrown', pruned: 'just pruned', off: 'off' } as const;

/** What happened to a channel and why, in one or two sentences. */
export function describeChannel(layer: LayerView, index: number, channel: ChannelView): string {
  const name = `${layer.layer}, channel ${index}`;
  if (!layer.prunable) return `${name}: on. This layer is not pruned here.`;
  const since =
    channel.since > 0 || channel.timesOff > 0 ? ` since step ${channel.since.toLocaleString('en')}` : ' from the start';
  const often = channel.timesOff > 1 ? `, off ${channel.timesOff} times so far` : '';
  return `${name}: ${STATES[channel.fate]}${since}${often}. ${channel.reason?.text ?? ''}`.trim();
}
