export interface Axis {
  readonly scale: 'linear' | 'log';
  readonly domain: readonly [number, number];
  /** Round places within the domain, ascending. */
  readonly ticks: readonly number[];
}

/** Costs that span more than this are drawn on a logarithmic scale. */
const WIDE = 10;
const MARGIN = 0.06;
const MOST_TICKS = 6;

/** An axis on which all values lie inside, not at its ends. `wide` allows a logarithmic scale. */
export function axisOf(values: readonly number[], wide = true): Axis {
  const low = Math.min(...values);
  const high = Math.max(...values);
  if (!Number.isFinite(low) || !Number.isFinite(high)) return { scale: 'linear', domain: [0, 1], ticks: [0, 1] };
  return wide && low > 0 && high > WIDE * low ? logarithmic(low, high) : linear(low, high);
}

function logarithmic(low: number, high: number): Axis {
  const margin = (high / low) ** MARGIN;
  const domain: [number, number] = [low / margin, high * margin];
  const digits = [[1, 2, 5], [1, 3], [1]].map((each) => ticksOf(each, domain));
  return { scale: 'log', domain, ticks: digits.find(({ length }) => length <= MOST_TICKS + 1) ?? digits[2] ?? [] };
}

function ticksOf(digits: readonly number[], [low, high]: readonly [number, number]): readonly number[] {
  const first = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - first + 1 }, (_, i) => first + i);
  return powers
    .flatMap((power) => digits.map((digit) => Number(`${digit}e${power}`)))
    .filter((tick) => tick >= low && tick <= high);
}

function linear(low: number, high: number): Axis {
  // What differs by rounding only stands in the middle.
  const apart = high - low > 1e-6 * Math.abs(high);
  const span = apart ? high - low : Math.abs(high) * 0.2 || 1;
  const margin = apart ? MARGIN * span : span / 2;
  // A cost is never below zero.
  const domain: [number, number] = [low >= 0 ? Math.max(0, low - margin) : low - margin, high + margin];
  const least = (domain[1] - domain[0]) / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(least));
  const each = [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= least) ?? least;
  const first = Math.ceil(domain[0] / each);
  const last = Math.floor(domain[1] / each + 1e-9);
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * each).toPrecision(12)));
  return { scale: 'linear', domain, ticks };
}

/** Where a value lies on an axis, from 0 at its beginning to 1 at its end. */
export function placeOn({ scale, domain: [low, high] }: Axis, value: number): number {
  return scale === 'log' ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
}
