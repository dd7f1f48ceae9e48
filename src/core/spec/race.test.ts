import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SCHEMES } from '../../schemes/index.ts';
import { decodeLink, encodeLink } from './link.ts';
import { RACES } from './presets.ts';
import { MOST_RUNS, type ParsedRace, parseRace } from './race.ts';

const run = (more: object = {}) => ({ version: 1, model: { id: 'convnet-micro' }, scheme: { id: 'dense' }, ...more });
const namesOf = (race: ParsedRace): readonly string[] => {
  if (!race.ok) throw new Error(race.problems.map(({ message }) => message).join('; '));
  return race.specs.map(({ name }) => name);
};
const problemsOf = (input: unknown) => {
  const race = parseRace(input, SCHEMES);
  return race.ok ? [] : race.problems;
};

describe('reading a race', () => {
  test('one spec, a list of one and a list of several; a link carries each', () => {
    for (const [input, names] of [
      [run({ name: 'a' }), ['a']],
      [[run({ name: 'a' })], ['a']],
      [
        [run({ name: 'a' }), run({ name: 'b' }), run({ name: 'c' })],
        ['a', 'b', 'c'],
      ],
    ] as const) {
      expect(namesOf(parseRace(input, SCHEMES))).toEqual(names);
      const link = decodeLink(encodeLink(input));
      expect(link?.ok && namesOf(parseRace(link.value, SCHEMES))).toEqual(names);
    }
  });

  test('more runs than a race has, or none, are refused', () => {
    expect(problemsOf([])).toEqual([{ path: 'runs', message: 'runs: must be 1 to 6 specs, not 0' }]);
    expect(problemsOf(Array.from({ length: MOST_RUNS }, () => run()))).toEqual([]);
    expect(problemsOf(Array.from({ length: MOST_RUNS + 1 }, () => run()))[0]?.message).toMatch(/1 to 6 specs, not 7$/);
  });

  test('problems of several runs say which one they are about; those of one run need not', () => {
    const wrong = run({ seed: -1, train: { steps: 10, batch: 5 } });
    const problems = problemsOf([run(), wrong, 3, run({ spec: 1 })]);
    expect(problems.map(({ path }) => path)).toEqual([
      'runs[1].train.batch',
      'runs[1].seed',
      'runs[2]',
      'runs[3].spec',
    ]);
    for (const { path, message } of problems) expect(message.startsWith(`${path}: `)).toBe(true);
    expect(problems[1]?.message).toMatch(/^runs\[1\]\.seed: must be a whole number from 0 to \d+, not -1$/);
    for (const input of [wrong, [wrong]])
      expect(problemsOf(input).map(({ path }) => path)).toEqual(['train.batch', 'seed']);
  });

  test('a name given twice gets a number; names that are given stay', () => {
    const named = (...names: string[]) =>
      namesOf(
        parseRace(
          names.map((name) => run({ name })),
          SCHEMES,
        ),
      );
    expect(named('a', 'a', 'b', 'a')).toEqual(['a', 'a (2)', 'b', 'a (3)']);
    expect(named('a', 'a', 'a (2)')).toEqual(['a', 'a (3)', 'a (2)']);
    // Names that follow from the scheme are made unique as well.
    expect(namesOf(parseRace([run(), run({ seed: 2 })], SCHEMES))).toEqual([
      'Dense, convnet-micro',
      'Dense, convnet-micro (2)',
    ]);
  });

  test('of any names: each once, none too long, and reading the result again changes nothing', () => {
    const name = fc.oneof(
      fc.constantFrom(
        'a',
        'a (2)',
        'a (3)',
        'x'.repeat(80),
        `${'x'.repeat(76)} (2)`,
        `x${'🌳'.repeat(39)}`,
        'y'.repeat(79),
      ),
      fc.string({ minLength: 1, maxLength: 80 }).filter((text) => /^\S+$/.test(text)),
    );
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: MOST_RUNS }), (names) => {
        const race = parseRace(
          names.map((given) => run({ name: given })),
          SCHEMES,
        );
        const unique = namesOf(race);
        expect(new Set(unique).size).toBe(names.length);
        for (const [index, given] of names.entries())
          if (names.indexOf(given) === index) expect(unique[index]).toBe(given);
        for (const made of unique) expect(() => encodeURIComponent(made)).not.toThrow();
        expect(parseRace(race.ok && race.specs, SCHEMES)).toEqual(race);
      }),
    );
  });

  test('the runs of a preset race differ in nothing but their schemes', () => {
    for (const { specs } of RACES) {
      expect(specs.length).toBeLessThanOrEqual(MOST_RUNS);
      // Schemes are parsed where they are; dense stands in for them here.
      const race = parseRace(
        specs.map((spec) => ({ ...spec, scheme: { id: 'dense' } })),
        SCHEMES,
      );
      expect(namesOf(race)).toEqual(specs.map((spec) => spec['name']));
      const frames = race.ok ? race.specs.map((spec) => ({ ...spec, name: '' })) : [];
      for (const frame of frames) expect(frame).toEqual(frames[0]);
    }
  });

  test('every preset race is one', () => {
    for (const { specs } of RACES)
      expect(namesOf(parseRace(specs, SCHEMES))).toEqual(specs.map((spec) => spec['name']));
  });
});
