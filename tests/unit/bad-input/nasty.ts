import fc from 'fast-check';
import { expect } from 'vitest';

/** For the campaign: what others may send, and what must hold whatever they do. */

/** Text that would act where text is executed: as markup, or as code. */
export const MARKUP = '<img src=x onerror="globalThis.executed=1"><script>globalThis.executed=1</script>';

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));

/** Values that are seldom right, whatever is asked. */
export const NASTY: readonly unknown[] = [
  null,
  true,
  '',
  ' ',
  'x'.repeat(20_000),
  MARKUP,
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '\u202eabc',
  'a\u0000b\u001b[2J',
  '\ud800',
  -1,
  -0,
  0.5,
  1.5,
  2 ** 31,
  2 ** 53,
  1e308,
  -1e308,
  NaN,
  Infinity,
  [],
  [[]],
  {},
  nested(300),
  Array.from({ length: 3_000 }, () => 0),
  JSON.parse('{"__proto__":{"polluted":1}}'),
  JSON.parse('{"constructor":{"prototype":{"polluted":1}}}'),
  { toString: 'not a function', length: -1 },
];

/** By its place: fast-check could not write down some of the values. */
export const nasty = fc.nat(NASTY.length - 1);
export const nastyAt = (place: number): unknown => NASTY[place];

/** One change of a JSON value: somewhere in it a value is replaced, taken away, given twice, or a key is added. */
export interface Change {
  readonly place: number;
  readonly how: 'replace' | 'delete' | 'twice' | 'add';
  /** Place of the value in NASTY. */
  readonly value: number;
}

export const change: fc.Arbitrary<Change> = fc.record({
  place: fc.nat(),
  how: fc.constantFrom('replace', 'replace', 'replace', 'delete', 'twice', 'add'),
  value: nasty,
});

/** A copy of plain JSON with a change. */
export function changed(value: unknown, { place, how, value: at }: Change): unknown {
  const other = nastyAt(at);
  const copy: unknown = structuredClone(value);
  const places = placesIn(copy);
  const [parent, key] = places[place % Math.max(1, places.length)] ?? [];
  if (parent === undefined || key === undefined) return other;
  if (Array.isArray(parent)) {
    const index = Number(key);
    if (how === 'delete') parent.splice(index, 1);
    else if (how === 'twice') parent.splice(index, 0, parent[index]);
    else if (how === 'add') parent.push(other);
    else parent[index] = other;
    return copy;
  }
  const record = parent as Record<string, unknown>;
  if (how === 'delete') delete record[key];
  else if (how === 'add' || how === 'twice') {
    const added = ['__proto__', 'constructor', 'more', MARKUP][place % 4] ?? 'more';
    Object.defineProperty(record, added, { value: other, enumerable: true, configurable: true, writable: true });
  } else record[key] = other;
  return copy;
}

/** All places of a value, but for those deeper than any of ours. */
function placesIn(value: unknown, depth = 0): [object, string][] {
  if (typeof value !== 'object' || value === null || depth > 9) return [];
  return Object.entries(value).flatMap(([key, item]): [object, string][] => [
    [value, key],
    ...placesIn(item, depth + 1),
  ]);
}

/** One sentence for a reader: it ends as one, is no longer than one, and moves no cursor. */
export function expectSentence(message: string): void {
  expect(message).toMatch(/^[^\p{Cc}\p{Bidi_Control}]{10,700}\.$/u);
  expect(message).not.toMatch(/undefined|\[object|NaN is not|is not a function|Cannot read|is not iterable/);
}

/** Longest that any one case may take, in milliseconds, on a machine that is busy with other things. */
const LONGEST = 30_000;

/**
 * Does something with what others sent: it may give a value, or throw an error that `known` knows, with a sentence. Nothing
 * else: no other error, nothing executed, no prototype changed, no hang. Returns null where it was refused.
 */
export async function guarded<T>(work: () => T | Promise<T>, known: (error: Error) => boolean): Promise<T | null> {
  const began = performance.now();
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || !known(error)) throw error;
    expectSentence(error.message);
    return null;
  } finally {
    expectUnharmed();
    expect(performance.now() - began).toBeLessThan(LONGEST);
  }
}

/** Nothing was executed, and no prototype was changed. */
export function expectUnharmed(): void {
  expect(Reflect.get(globalThis, 'executed')).toBeUndefined();
  expect(Object.keys(Object.prototype)).toEqual([]);
  expect(Reflect.get({}, 'polluted')).toBeUndefined();
  expect(Object.keys(Array.prototype)).toEqual([]);
}

/** How many cases to try: `scale` times as many in a long test. */
export interface Effort {
  readonly scale: number;
  readonly seed: number;
}

export const asserted = <T extends [unknown, ...unknown[]]>(
  { scale, seed }: Effort,
  runs: number,
  arbitraries: { [K in keyof T]: fc.Arbitrary<T[K]> },
  property: (...values: T) => void | Promise<void>,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty<T>(...arbitraries, async (...values) => property(...values)),
    { seed, numRuns: runs * scale },
  );
