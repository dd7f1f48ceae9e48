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

/** Round places from 0 to `end` for an axis, about four of them; whole ones on a clock that counts. */
export function roundTicks(clock: Clock, end: number): number[] {
  const power = 10 ** Math.floor(Math.log10(end / 4));
  const wanted = [1, 2, 5, 10].map((digit) => digit * power).find((each) => end / each <= 5) ?? end;
  const each = clock === 'seconds' ? wanted : Math.max(1, wanted);
  return Array.from({ length: Math.floor(end / each) + 1 }, (_, i) => i * each);
}
