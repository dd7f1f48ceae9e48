import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCHEMES } from '../../schemes/index.ts';
import { differencesBetween } from './differences.ts';
import { forkProblems } from './fork.ts';
import { decodeLink, encodeLink } from './link.ts';
import { parseSpec } from './parse.ts';
import { parseRace } from './race.ts';
import { isRecord } from './schema.ts';
import type { Spec } from './spec.ts';
import { listed } from './testing.ts';

const schemes = [...SCHEMES, listed];
const input = (parts?: unknown, more: object = {}): unknown => ({
  version: 1,
  model: { id: 'convnet-micro' },
  train: { steps: 40 },
  scheme: { id: 'listed', ...(parts === undefined ? {} : { parts }), ...more },
});
const specOf = (parts?: unknown): Spec => {
  const parsed = parseSpec(input(parts), schemes);
  if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
  return parsed.spec;
};
const messagesOf = (parts: unknown, more = {}): readonly string[] => {
  const parsed = parseSpec(input(parts, more), schemes);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
};

describe('accepted lists', () => {
  test('every key that an entry takes has a default, which may depend on its place and on the run', () => {
    expect(specOf().scheme['parts']).toEqual([
      { kind: 'share', at: 10, keep: 0.5, fast: false },
      { kind: 'taps', at: 20, stride: 4, fast: false },
    ]);
    expect(specOf([{}, { kind: 'share' }, { at: 5 }]).scheme['parts']).toEqual([
      { kind: 'share', at: 10, keep: 0.5, fast: false },
      { kind: 'share', at: 20, keep: 0.5, fast: false },
      { kind: 'taps', at: 5, stride: 3, fast: false },
    ]);
  });

  test('what is given stays, 0 and false too; keys come in one order, whatever order they were given in', () => {
    const [part] = specOf([{ fast: false, at: 0, stride: 2, kind: 'taps' }]).scheme['parts'] as readonly object[];
    expect(JSON.stringify(part)).toBe('{"kind":"taps","at":0,"stride":2,"fast":false}');
  });

  test('parsing a parsed spec, alone or from a link, gives the same again', () => {
    for (const parts of [undefined, [{}], [{ kind: 'taps', at: 3 }, {}, { kind: 'share', keep: 1 }]]) {
      const spec = specOf(parts);
      expect(parseSpec(spec, schemes)).toEqual({ ok: true, spec });
      const link = decodeLink(encodeLink([spec, { ...spec, name: 'other' }]));
      expect(link?.ok && parseRace(link.value, schemes)).toEqual({
        ok: true,
        specs: [spec, { ...spec, name: 'other' }],
      });
      // A fork that changes nothing prunes as its parent does, to the letter.
      expect(forkProblems(spec, spec, 1, schemes)).toEqual([]);
      expect(JSON.stringify(JSON.parse(JSON.stringify(spec)).scheme)).toBe(JSON.stringify(spec.scheme));
    }
  });
});

describe('refused lists', () => {
  test.each<[unknown, RegExp]>([
    [{}, /^scheme\.parts: must be a list of 1 to 3 objects, not \{\}$/],
    [null, /^scheme\.parts: must be a list/],
    ['map', /^scheme\.parts: must be a list/],
    [[], /^scheme\.parts: must be a list of 1 to 3 objects, not \[\]$/],
    [[{}, {}, {}, {}], /^scheme\.parts: must be a list of 1 to 3 objects, not \[/],
    [[{}, 3], /^scheme\.parts\.1: must be an object with kind, at, keep, stride, fast, not 3$/],
    [[[]], /^scheme\.parts\.0: must be an object with .*, not \[\]$/],
    [[null], /^scheme\.parts\.0: must be an object with .*, not null$/],
    [[{ kinds: 'taps' }], /^scheme\.parts\.0\.kinds: this key is not known; did you mean kind\? Known here: kind, at,/],
    [[{}, { kind: 'map' }], /^scheme\.parts\.1\.kind: must be one of share, taps, not "map"$/],
    [[{ at: 2.5 }], /^scheme\.parts\.0\.at: must be a whole number from 0 to 1000, not 2\.5$/],
    [[{ at: '2' }], /^scheme\.parts\.0\.at: .*, not "2"$/],
    [[{ at: null }], /^scheme\.parts\.0\.at: .*, not null$/],
    [[{ keep: Number.NaN }], /^scheme\.parts\.0\.keep: .*, not NaN$/],
    [[{ keep: 0 }], /^scheme\.parts\.0\.keep: must be a number from 0\.01 to 1, not 0$/],
    [[{ fast: 1 }], /^scheme\.parts\.0\.fast: must be true or false, not 1$/],
    [[{ at: { at: 1 } }], /^scheme\.parts\.0\.at: must be a whole number .*, not \{"at":1\}$/],
    [[{ at: [[[[[1]]]]] }], /^scheme\.parts\.0\.at: must be a whole number/],
    [[{ stride: 3 }], /^scheme\.parts\.0\.stride: leave this key out: it is for kind "taps" only$/],
    [[{}, { keep: 0.5 }], /^scheme\.parts\.1\.keep: leave this key out: it is for kind "share" only$/],
    [[{ at: 5 }, { at: 41 }], /^scheme\.parts\.1\.at: comes after the run's end/],
  ])('%j', (parts, message) => {
    expect(messagesOf(parts)).toEqual([expect.stringMatching(message)]);
  });

  test('prototype keys of an entry are unknown keys', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const parts: unknown = JSON.parse(`[{"${key}": {"kind": "taps"}}]`);
      expect(messagesOf(parts)).toEqual([expect.stringMatching(`^scheme.parts.0.${key}: this key is not known`)]);
    }
    expect(({} as Record<string, unknown>)['kind']).toBeUndefined();
  });

  test('all at once, beside those of other keys', () => {
    const parts = [
      { kind: 'taps', stride: 1, at: 'x', kepe: 1 },
      { kind: 'share', stride: 3 },
      7,
      // A fourth is one too many, and is not looked at.
      { kind: 'none' },
    ];
    expect(messagesOf(parts, { twice: 'yes', extra: 1 }).map((text) => text.split(':')[0])).toEqual([
      'scheme.extra',
      'scheme.parts',
      'scheme.parts.0.kepe',
      'scheme.parts.0.at',
      'scheme.parts.0.stride',
      'scheme.parts.2',
      'scheme.twice',
      'scheme.parts.1.stride',
    ]);
  });

  test('what an entry does not take is not said while the key that decides it is wrong', () => {
    expect(messagesOf([{ kind: 'tap', stride: 3 }])).toEqual([expect.stringMatching(/^scheme\.parts\.0\.kind:/)]);
  });

  test('whatever JSON comes: a spec that parses to itself, or sentences with a path; never an exception', () => {
    const value = fc.oneof(
      fc.jsonValue(),
      fc.integer({ min: 0, max: 12 }),
      fc.constantFrom('share', 'taps', 0.5, true),
    );
    const entry = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('kind', 'at', 'keep', 'stride', 'fast', '__proto__', 'ke\u0007y'), value),
      fc.record({ kind: fc.constant('share'), at: fc.nat(40), keep: fc.double({ min: 0.01, max: 1, noNaN: true }) }),
      fc.record({ kind: fc.constant('taps'), at: fc.nat(44), stride: fc.nat(10) }, { requiredKeys: ['kind'] }),
    );
    let accepted = 0;
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), fc.array(entry, { maxLength: 4 })), (parts) => {
        const parsed = parseSpec(input(parts), schemes);
        if (parsed.ok) {
          accepted++;
          expect(parseSpec(parsed.spec, schemes)).toEqual(parsed);
          for (const part of parsed.spec.scheme['parts'] as readonly unknown[]) {
            const keys = isRecord(part) ? Object.keys(part) : [];
            expect(keys.includes('keep')).toBe(!keys.includes('stride'));
          }
          return;
        }
        expect(parsed.problems.length).toBeGreaterThan(0);
        for (const problem of parsed.problems) expect(problem.message.startsWith(`${problem.path}:`)).toBe(true);
      }),
      { numRuns: 500 },
    );
    expect(accepted).toBeGreaterThan(10);
  });
});

test('lists of objects differ key by key, entry by entry; of a shorter list the rest is lacking', () => {
  const rows = differencesBetween([
    specOf([{ at: 10 }, { at: 20 }]),
    specOf([{ at: 12, keep: 0.25 }]),
    specOf([{ at: 10 }, { kind: 'share', at: 20 }, { at: 30 }]),
  ]);
  expect(rows).toEqual([
    { path: 'scheme.parts.0.at', values: ['10', '12', '10'] },
    { path: 'scheme.parts.0.keep', values: ['0.5', '0.25', '0.5'] },
    { path: 'scheme.parts.1.kind', values: ['taps', '–', 'share'] },
    { path: 'scheme.parts.1.at', values: ['20', '–', '20'] },
    { path: 'scheme.parts.1.stride', values: ['3', '–', '–'] },
    { path: 'scheme.parts.1.keep', values: ['–', '–', '0.5'] },
    { path: 'scheme.parts.1.fast', values: ['no', '–', 'no'] },
    { path: 'scheme.parts.2.kind', values: ['–', '–', 'taps'] },
    { path: 'scheme.parts.2.at', values: ['–', '–', '30'] },
    { path: 'scheme.parts.2.stride', values: ['–', '–', '3'] },
    { path: 'scheme.parts.2.fast', values: ['–', '–', 'no'] },
  ]);
});
