import type { SpecInput } from '../core/spec/presets.ts';

/** A copy of `input` with one key (dotted path) set, or left out when the value is undefined. */
export function withKey(input: SpecInput, path: string, value: unknown): SpecInput {
  const [key = '', ...rest] = path.split('.');
  const { [key]: before, ...others } = input;
  if (rest.length === 0) return value === undefined ? others : { ...others, [key]: value };
  const inner = typeof before === 'object' && before !== null ? (before as SpecInput) : {};
  return { ...others, [key]: withKey(inner, rest.join('.'), value) };
}
