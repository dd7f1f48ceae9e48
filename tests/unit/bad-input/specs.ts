import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeLink, encodeLink, readHidden } from '../../../src/core/spec/link.ts';
import { parseSpec } from '../../../src/core/spec/parse.ts';
import { PRESETS } from '../../../src/core/spec/presets.ts';
import type { SpecProblem } from '../../../src/core/spec/problems.ts';
import { parseRace } from '../../../src/core/spec/race.ts';
import { SCHEMES } from '../../../src/schemes/index.ts';
import { startOf } from '../../../src/state/start.ts';
import {
  type Effort,
  NASTY,
  asserted,
  change,
  changed,
  expectSentence,
  expectUnharmed,
  nasty,
  nastyAt,
} from './nasty.ts';

const PRESET_SPECS = PRESETS.map(({ spec }) => parseSpec(spec, SCHEMES)).flatMap((parsed) =>
  parsed.ok ? [parsed.spec] : [],
);
const preset = fc.constantFrom(...PRESET_SPECS);

/** Each begins with its key and says what is accepted there; nothing of it moves a cursor. */
function expectProblems(problems: readonly SpecProblem[]): void {
  expect(problems.length).toBeGreaterThan(0);
  for (const { path, message } of problems) {
    expect(message.startsWith(`${path}: `) || message.startsWith(path)).toBe(true);
    expect(message).toMatch(/^[^\p{Cc}\p{Bidi_Control}]{10,2000}$/u);
    expect(message.length).toBeGreaterThan(path.length + 5);
  }
}

export function specs(effort: Effort): void {
  describe('specs', () => {
    test('any change of a spec: the spec, or sentences with its keys', () =>
      asserted(effort, 800, [preset, fc.array(change, { minLength: 1, maxLength: 3 })], (spec, changes) => {
        const input = changes.reduce<unknown>((value, one) => changed(value, one), spec);
        const parsed = parseSpec(input, SCHEMES);
        expectUnharmed();
        if (!parsed.ok) return expectProblems(parsed.problems);
        // What is accepted is what it says: reading it again gives the same.
        expect(parseSpec(parsed.spec, SCHEMES)).toEqual(parsed);
        expect(JSON.parse(JSON.stringify(parsed.spec))).toEqual(parsed.spec);
      }));

    test('what is no spec at all', () => {
      for (const value of [...NASTY, undefined, () => 1, Symbol('x'), 10n, new Date(), new Map()]) {
        const parsed = parseSpec(value, SCHEMES);
        if (!parsed.ok) expectProblems(parsed.problems);
        expect(parsed.ok).toBe(false);
      }
      expectUnharmed();
    });

    test('races of anything: specs, or sentences that say which run', () =>
      asserted(effort, 250, [fc.array(fc.oneof(preset, nasty), { maxLength: 8 }), change], (given, one) => {
        const list = given.map((item) => (typeof item === 'number' ? nastyAt(item) : item));
        const race = parseRace(changed(list, one), SCHEMES);
        expectUnharmed();
        if (!race.ok) return expectProblems(race.problems);
        expect(new Set(race.specs.map(({ name }) => name)).size).toBe(race.specs.length);
      }));
  });

  describe('links', () => {
    const intact = encodeLink(PRESET_SPECS.slice(0, 3), [0, 2]);
    const opened = (hash: string): void => {
      const link = decodeLink(hash);
      expectUnharmed();
      if (!link) return;
      if (!link.ok) return expectSentence(link.message);
      const race = parseRace(link.value, SCHEMES);
      expectUnharmed();
      if (!race.ok) return expectProblems(race.problems);
      const hidden = link.hidden === undefined ? null : readHidden(link.hidden, race.specs.length);
      if (hidden && !hidden.ok) expectSentence(hidden.message);
    };

    test('whatever the link, the page opens on something', () => {
      for (const hash of [
        '#spec=%7B',
        '#spec=[]',
        '#spec=null',
        intact.slice(0, -9),
        `${intact},9`,
        `${intact}&hidden=`,
      ]) {
        const { specs: open, hidden, alert } = startOf(hash, SCHEMES);
        expect(open.length).toBeGreaterThan(0);
        expect(hidden).toEqual([]);
        if (alert) expectSentence(alert.message);
      }
    });

    test('cut off anywhere, or with any character changed, the page opens on something, and says why', () =>
      asserted(
        effort,
        700,
        [
          fc.nat(intact.length),
          fc.constantFrom('cut', 'change', 'insert'),
          fc.constantFrom('%', '&', '=', '\0', '"', '�', 'hidden=', '%E0%A4'),
        ],
        (at, how, text) =>
          opened(
            how === 'cut'
              ? intact.slice(0, at)
              : intact.slice(0, at) + text + intact.slice(how === 'change' ? at + 1 : at),
          ),
      ));

    test('any fragment', () =>
      asserted(
        effort,
        700,
        [fc.string({ unit: 'binary', maxLength: 200 }), fc.constantFrom('', '#', '#spec=', '#spec=%7B', '#spec=eyJ2')],
        (text, before) => opened(before + text),
      ));

    test('long ones, and deep ones, encoded either way', () => {
      const deep = `${'['.repeat(30_000)}${']'.repeat(30_000)}`;
      const compact = (json: string): string => Buffer.from(json).toString('base64url');
      for (const json of [
        deep,
        `"${'x'.repeat(100_000)}"`,
        '{"__proto__":{"polluted":1}}',
        `[${'{},'.repeat(999)}{}]`,
      ]) {
        opened(`#spec=${encodeURIComponent(json)}`);
        opened(`#spec=${json}`);
        opened(`#spec=${compact(json)}`);
      }
      // No UTF-8, and no base64.
      for (const text of ['_____w', 'A', 'AA=', '====', '-'.repeat(65_000)]) opened(`#spec=${text}`);
      expect(decodeLink(`#spec=${'a'.repeat(10_000_000)}`)).toMatchObject({ ok: false });
    });

    test('any hidden runs: places that there are, or a sentence that names it', () =>
      asserted(
        effort,
        500,
        [
          fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.integer({ min: -1, max: 9 })).map(String)),
          fc.integer({ min: 1, max: 6 }),
        ],
        (text, runs) => {
          const read = readHidden(text, runs);
          if (!read.ok) {
            expect(read.message).toMatch(/^hidden: /);
            return expectSentence(read.message);
          }
          expect(read.places.length).toBeGreaterThan(0);
          expect(new Set(read.places).size).toBe(read.places.length);
          expect(read.places.every((place) => Number.isInteger(place) && place >= 0 && place < runs)).toBe(true);
        },
      ));
  });
}
