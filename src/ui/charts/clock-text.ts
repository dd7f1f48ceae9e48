import type { Clock } from '../../core/events/clocks.ts';
import { compactNumber } from '../widgets/format.ts';

const SECONDS = { minimumFractionDigits: 1, maximumFractionDigits: 1 };

/** A place on a clock, with its unit: in a tooltip and in the first column of a table. */
export function clockText(clock: Clock, value: number): string {
  if (clock === 'step') return value.toLocaleString('en');
  if (clock === 'seconds') return `${value.toLocaleString('en', SECONDS)} s`;
  return compactNumber(value);
}

const PREFIXES = ['', ' k', ' M', ' G', ' T', ' P', ' E'];

/** The same on an axis, as short as it can be: 90 s, 1.5 T. */
export function clockTick(clock: Clock, value: number): string {
  if (clock === 'step') return value.toLocaleString('en');
  if (clock === 'seconds') return `${Number(value.toFixed(1))} s`;
  const power = Math.min(PREFIXES.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, value)) / 3)));
  return `${Number((value / 1_000 ** power).toPrecision(3))}${PREFIXES[power]}`;
}
