import type { SpecInput } from '../core/spec/presets.ts';

/**
 * A copy of `input` with one key (dotted path; entries of a list go by their place) set, or left out when the value is
 * undefined.
 */
export function withKey(input: SpecInput, path: string, value: unknown): SpecInput {
  const [key = '', ...rest] = path.split('.');
  const before = input[key];
  const { [key]: _, ...others } = input;
  const next = rest.length === 0 ? value : within(before, rest.join('.'), value);
  return next === undefined ? others : { ...others, [key]: next };
}

function within(before: unknown, path: string, value: unknown): unknown {
  if (!Array.isArray(before)) return withKey(isObject(before) ? before : {}, path, value);
  // Nothing comes to lie behind the end, or there would be holes.
  const places = Object.fromEntries(before.map((entry: unknown, place) => [String(place), entry]));
  const entries = Object.entries(withKey(places, path, value));
  return entries.flatMap(([place, entry]) => (Number(place) <= before.length ? [entry] : []));
}

/** Options that say when, also in entries of a list: their defaults follow the length of the run. */
const STEPS = ['until', 'every', 'bitsAt'];
const STEPS_OF_ENTRIES = ['at'];

/** A draft's scheme without the steps that it gives. */
export function withoutSteps(scheme: unknown): unknown {
  if (!isObject(scheme)) return scheme;
  return Object.fromEntries(
    Object.entries(scheme)
      .filter(([key]) => !STEPS.includes(key))
      .map(([key, value]) => [key, Array.isArray(value) ? value.map(withoutOwnSteps) : value]),
  );
}

const withoutOwnSteps = (entry: unknown): unknown =>
  isObject(entry)
    ? Object.fromEntries(Object.entries(entry).filter(([key]) => !STEPS_OF_ENTRIES.includes(key)))
    : entry;

const isObject = (value: unknown): value is SpecInput => typeof value === 'object' && value !== null;
