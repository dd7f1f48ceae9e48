import type { ChannelView, LayerView } from '../../core/events/view.ts';

const STATES = { kept: 'on', regrown: 'just regrown', pruned: 'just pruned', off: 'off' } as const;

const number = (value: number): string => value.toLocaleString('en');
/** Scores are of any size: four digits of them. */
const figures = (value: number): string =>
  Math.abs(value) >= 1e4 || (value !== 0 && Math.abs(value) < 1e-3)
    ? value.toExponential(2)
    : String(Number(value.toPrecision(4)));

/** What happened to a channel and why, in one or two sentences. */
export function describeChannel(layer: LayerView, index: number, channel: ChannelView): string {
  const name = `${layer.layer}, channel ${index}`;
  if (!layer.prunable && channel.fate === 'kept') return `${name}: on. This layer is not pruned here.`;
  const since = channel.since > 0 || channel.timesOff > 0 ? ` since step ${number(channel.since)}` : ' from the start';
  const often = channel.timesOff > 1 ? `, off ${channel.timesOff} times so far` : '';
  return `${name}: ${STATES[channel.fate]}${since}${often}. ${channel.reason?.text ?? ''}`.trim();
}

/** Spans that are told one by one; of more the latest. */
const MOST_SPANS = 4;

/**
 * The figures behind it, a phrase each: the score, its ranks, where it was cut off, what goes with the channel, and when
 * it was off before. `tied`: other layers of its group, where the scheme does not tell.
 */
export function channelFacts(channel: ChannelView, tied: readonly string[] = []): readonly string[] {
  const { reason, offs } = channel;
  const facts: string[] = [];
  if (reason?.score !== undefined) facts.push(`score ${figures(reason.score)}`);
  if (reason?.rank !== undefined && reason.of !== undefined)
    facts.push(`rank ${number(reason.rank)} of ${number(reason.of)} in the layer`);
  if (reason?.globalRank !== undefined)
    facts.push(
      `rank ${number(reason.globalRank)}${reason.globalOf === undefined ? '' : ` of ${number(reason.globalOf)}`} globally`,
    );
  if (reason?.threshold !== undefined) facts.push(`threshold ${figures(reason.threshold)}`);
  if (reason?.probability !== undefined) facts.push(`probability ${figures(reason.probability)}`);
  const together = reason?.tied ?? tied;
  if (together.length > 0) facts.push(`tied to ${together.join(', ')}`);
  const before = offs.flatMap(({ from, to }) => (to === null ? [] : [`steps ${number(from)} to ${number(to)}`]));
  const more = before.length > MOST_SPANS ? `${before.length} times, lately ` : '';
  if (before.length > 0) facts.push(`off before: ${more}${before.slice(-MOST_SPANS).join(', ')}`);
  return facts;
}
