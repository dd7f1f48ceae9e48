import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { smallSpec } from '../../src/lab/testing.ts';
import { SCHEMES } from '../../src/schemes/index.ts';
import { sweepMembers } from '../grid.ts';
import { checkPlan } from '../member.ts';
import type { WrittenResult } from '../run-folder.ts';
import { accuracyOf, orderingOf } from './claims.ts';
import { type Member, type Method, type Results, resultsOf } from './data.ts';
import { figure } from './figure.ts';
import { resultsPage } from './page.ts';

const RESULTS = join(import.meta.dirname, '../../docs/results');
const read = (...path: readonly string[]): string => readFileSync(join(RESULTS, ...path), 'utf8');

const method = (name: string, ...accuracies: readonly number[]): Method => ({
  name,
  spec: smallSpec(),
  runs: accuracies.map((testAccuracy, i): Member => ({
    seed: i + 1,
    testAccuracy,
    testLoss: 1,
    macs: 50,
    parameters: 40,
    widths: {},
    latencyMs: [{ batch: 64, median: 2, p95: 3, n: 9 }],
    imagesPerSecond: 100,
    wallSeconds: 60,
  })),
});

describe('an ordering is claimed', () => {
  test.each([
    ['where the means differ by more than the spread', [0.6, 0.61, 0.62], [0.57, 0.57, 0.58], true],
    ['not where one seed of the worse is above one of the better', [0.6, 0.6, 0.66], [0.55, 0.55, 0.61], false],
    [
      'not where the difference is less than a spread, though all of one are above all of the other',
      [0.6, 0.61, 0.65],
      [0.58, 0.59, 0.595],
      false,
    ],
    ['not between equals', [0.6, 0.6, 0.6], [0.6, 0.6, 0.6], false],
    ['between runs without any spread that differ', [0.6, 0.6, 0.6], [0.59, 0.59, 0.59], true],
  ] as const)('%s', (_, first, second, told) => {
    const [a, b] = [method('a', ...first), method('b', ...second)];
    expect([orderingOf(a, b).told, orderingOf(b, a).told]).toEqual([told, told]);
    expect(orderingOf(a, b).difference).toBeCloseTo(-orderingOf(b, a).difference, 12);
  });

  test('by the larger of the two spreads', () => {
    const { difference, spread } = orderingOf(method('a', 0.6, 0.62), method('b', 0.5, 0.55));
    expect([difference, spread]).toEqual([expect.closeTo(0.085, 12), expect.closeTo(0.05, 12)]);
  });
});

const CHECK = {
  spec: smallSpec(),
  adapter: 'an adapter',
  agrees: true,
  steps: [0, 1].map((step) => ({
    step,
    loss: 1e-7 * (step + 1),
    gradient: { tensor: 'conv1/kernel', difference: 1e-4 },
    apart: 0,
    values: 100,
    sided: { tensor: 'conv1/kernel', difference: 1e-4 },
  })),
};
const results = (...methods: readonly Method[]): Results => ({
  id: 'made-up',
  adapter: 'llvmpipe (webgpu)',
  processor: 'a processor',
  dense: { macs: 100, parameters: 100 },
  methods,
  check: CHECK,
});

test('the page orders by accuracy, claims only what is told apart, and says that the experiment is small', () => {
  const page = resultsPage(
    results(
      method('L1 norm', 0.5, 0.505, 0.51),
      method('CHEX', 0.6, 0.605, 0.61),
      method('CHEX, regrowing off', 0.601, 0.602, 0.606),
    ),
  );
  expect(page).toContain('**A small experiment, without a GPU**');
  expect(page.indexOf('| CHEX |')).toBeLessThan(page.indexOf('| L1 norm |'));
  expect(page).toContain('| CHEX | 60.5 % (60.0 – 61.0) | 50.0 % | 40.0 % | 2.00 ms | 100 images/s | 60 s |');
  expect(page).toContain(
    'Does regrowing help CHEX? **Not told apart.** CHEX less CHEX, regrowing off: +0.2 points, spread 1.0.',
  );
  expect(page).toContain('by L1 norm? **Yes, here.** CHEX less L1 norm: +10.0 points, spread 1.0.');
  expect(page).toContain('| 1. CHEX |  | · | +10.0 |');
  expect(page).toContain('| loss | 2.0e-7 | step 1 |');
});

test('results of several adapters, unfinished runs and specs that differ in more than the scheme are refused', () => {
  const run = (changes: Partial<WrittenResult>): { directory: string; result: WrittenResult } => ({
    directory: 'a',
    result: {
      spec: smallSpec(),
      adapter: { backend: 'webgpu', vendor: '', architecture: '', description: 'one' },
      history: [],
      events: [{ kind: 'finish', step: 1 } as WrittenResult['events'][number]],
      final: {
        testAccuracy: 0.5,
        testLoss: 1,
        widths: {},
        macs: 1,
        parameters: 1,
        dense: { macs: 2, parameters: 2 },
        latencyMs: [],
        imagesPerSecond: 1,
      },
      ...changes,
    },
  });
  const [one] = [run({})];
  expect(resultsOf('x', [one], CHECK).methods.length).toBe(1);
  const other = run({ adapter: { ...one.result.adapter, description: 'two' } });
  expect(() => resultsOf('x', [one, other], CHECK)).toThrow(/several adapters: one \(webgpu\), two \(webgpu\)/);
  expect(() => resultsOf('x', [run({ events: [] })], CHECK)).toThrow(/a: this run did not finish/);
  const spec = { ...smallSpec(), data: { ...smallSpec().data, train: 39 } };
  expect(() => resultsOf('x', [one, run({ spec })], CHECK)).toThrow(/more than its scheme/);
});

describe.each(readdirSync(join(RESULTS, 'specs')))('%s', (id) => {
  const files = readdirSync(join(RESULTS, 'specs', id)).filter((name) => name !== 'check.json');
  const members = files.flatMap((file) => sweepMembers(JSON.parse(read('specs', id, file)), SCHEMES));

  test('its specs differ in name, seed and scheme alone, run three seeds each and can be met', () => {
    expect(files.length).toBeGreaterThanOrEqual(9);
    expect(members.map(({ spec }) => spec.seed)).toEqual(files.flatMap(() => [1, 2, 3]));
    const rest = members.map(({ spec: { name: _name, seed: _seed, scheme: _scheme, ...same } }) => same);
    for (const one of rest) expect(one).toEqual(rest[0]);
    for (const { spec } of members) checkPlan(spec);
  });

  test('what is written follows from its numbers: every method within 3 points of half the MACs but the dense one', ({
    skip,
  }) => {
    if (!existsSync(join(RESULTS, `${id}.json`))) return skip('not run yet');
    const written = JSON.parse(read(`${id}.json`)) as Results;
    expect(read(`${id}.md`)).toBe(resultsPage(written));
    expect(read(`${id}.svg`)).toBe(figure(written.methods));
    expect(written.methods.map(({ name }) => name).toSorted()).toEqual(
      files.map((file) => (JSON.parse(read('specs', id, file)) as { name: string }).name).toSorted(),
    );
    for (const { spec, runs } of written.methods) {
      expect(runs.map(({ seed }) => seed)).toEqual([1, 2, 3]);
      for (const { macs } of runs) {
        const share = macs / written.dense.macs;
        if (spec.scheme.id === 'dense') expect(share).toBe(1);
        else expect(Math.abs(share - 0.5)).toBeLessThan(0.03);
      }
      expect(accuracyOf({ name: '', spec, runs }).mean).toBeGreaterThan(0.2);
    }
    expect([written.check.agrees, written.check.steps.length]).toEqual([true, 50]);
  });
});
