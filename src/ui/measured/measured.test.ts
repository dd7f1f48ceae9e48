import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Evaluated } from '../../core/pareto/evaluated.ts';
import { dominates } from '../../core/pareto/pareto.ts';
import type { Measured } from '../../state/measurements.ts';
import { axisOf, placeOn } from './axis.ts';
import { COSTS, type ParetoRun, dotsOf, unmeasured } from './dots.ts';
import { type Pair, type Sizes, rowsOf, savingsOf, verdictOf } from './rows.ts';

const sizes: Pair<Sizes> = {
  dense: { macs: 1_000, parameters: 200, bytes: 1_000 },
  now: { macs: 500, parameters: 50, bytes: 300 },
};
const speed = (one: number, many: number, imagesPerSecond: number | null, p95 = 1): Measured => ({
  latencyMs: [
    { batch: 1, median: one, p95: one * p95, n: 32 },
    { batch: 64, median: many, p95: many * p95, n: 32 },
  ],
  imagesPerSecond,
  steps: 20,
  session: 1,
  key: 'now',
  step: 40,
  batchSize: 50,
  adapter: 'an adapter',
});
const measured = (one: number, many: number, images: number): Pair<Measured> => ({
  dense: speed(10, 100, 200),
  now: speed(one, many, images),
});

describe('the table', () => {
  test('has ratios of now to dense, and what theory predicts: time follows the MACs, size the parameters', () => {
    const rows = rowsOf(sizes, measured(9, 60, 300));
    expect(rows.map(({ what, ratio, theory }) => [what, ratio, theory])).toEqual([
      ['macs', 0.5, null],
      ['parameters', 0.25, null],
      ['bytes', 0.3, 0.25],
      ['latency', 0.9, 0.5],
      ['latency', 0.6, 0.5],
      ['training', 1.5, 2],
    ]);
    expect(rowsOf(sizes, null).filter(({ ratio }) => ratio === null)).toHaveLength(3);
  });

  test('of which a speed of 1.5 times saves a third of the time', () => {
    const savings = savingsOf(rowsOf(sizes, measured(9, 60, 300)));
    expect(savings.map(({ saved }) => Number(saved.toFixed(6)))).toEqual([0.1, 0.4, 0.333333]);
  });

  test('says by its numbers whether time follows the MACs', () => {
    const verdict = (...times: [number, number, number]): string => verdictOf(rowsOf(sizes, measured(...times)));
    expect(verdict(9, 60, 300)).toBe(
      'The MACs promise 50 % less time; measured: 10 % less with 1 image, 40 % less with 64 images and 33 % less in training. On this adapter layers do not always get faster in proportion: least with 1 image.',
    );
    expect(verdict(11, 100, 210)).toMatch(
      /measured: 10 % more with 1 image, as long with 64 images.*On this adapter small layers do not get faster in proportion\.$/,
    );
    expect(verdict(5, 50, 400)).toMatch(/time nearly follows the MACs\.$/);
    expect(verdictOf(rowsOf({ ...sizes, now: sizes.dense }, measured(9, 60, 300)))).toMatch(
      /^With 100 % of the MACs theory promises no less time; measured: 10 % less/,
    );
    expect(verdictOf(rowsOf(sizes, null))).toBe('');
    const spread = { dense: speed(10, 100, 200, 2), now: speed(9, 20, 300) };
    expect(verdictOf(rowsOf(sizes, spread))).toMatch(
      /10 % less with 1 image \(within its spread\), 80 % less with 64 images \(within its spread\)/,
    );
  });
});

describe('an axis', () => {
  const costs = fc.array(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), { minLength: 1, maxLength: 20 });
  test('holds all values inside, ends, and has a few round places', () => {
    fc.assert(
      fc.property(costs, fc.boolean(), (values, wide) => {
        const axis = axisOf(values, wide);
        const [low, high] = axis.domain;
        for (const value of values) {
          expect(placeOn(axis, value)).toBeGreaterThan(0);
          expect(placeOn(axis, value)).toBeLessThan(1);
        }
        expect(axis.scale).toBe(wide && Math.max(...values) > 10 * Math.min(...values) ? 'log' : 'linear');
        expect(axis.ticks.every((tick) => tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9))).toBe(true);
        expect(axis.ticks.length).toBeLessThanOrEqual(14);
        expect(axis.ticks.length).toBeGreaterThan(0);
      }),
    );
  });

  test('of worked examples', () => {
    expect(axisOf([240_000, 660_000]).ticks).toEqual([300_000, 400_000, 500_000, 600_000]);
    expect(axisOf([1, 100]).ticks).toEqual([1, 2, 5, 10, 20, 50, 100]);
    expect(placeOn(axisOf([1, 100]), 10)).toBeCloseTo(0.5, 9);
  });
});

describe('dots', () => {
  const point = (step: number, accuracy: number, macs: number, imagesPerSecond: number | null = null): Evaluated => ({
    step,
    accuracy,
    structure: { channels: {} },
    key: `structure of ${macs}`,
    macs,
    parameters: macs / 10,
    bytes: macs / 2,
    imagesPerSecond,
  });
  const runs: readonly ParetoRun[] = [
    {
      run: 1,
      name: 'Pruned',
      colour: 0,
      isDense: false,
      dense: sizes.dense,
      evaluated: [point(10, 0.2, 1_000, 90), point(20, 0.4, 500), point(30, 0.5, 500), point(40, 0.5, 600, 150)],
    },
    {
      run: 2,
      name: 'Dense',
      colour: 1,
      isDense: true,
      dense: sizes.dense,
      evaluated: [point(10, 0.3, 1_000, 100), point(20, 0.6, 1_000, 100)],
    },
  ];
  const cost = (id: string) => {
    const found = COSTS.find((one) => one.id === id);
    if (!found) throw new Error(id);
    return found;
  };
  const nothing = (): undefined => undefined;

  test('are the checkpoints of all runs; the front is the undominated ones, the dense run ends in a marked one', () => {
    const { dots, of } = dotsOf(runs, cost('macs'), nothing);
    expect(of).toBe(6);
    expect(dots.map(({ front }) => front)).toEqual(dots.map((dot) => !dots.some((other) => dominates(other, dot))));
    expect(dots.flatMap(({ run, step, front }) => (front ? [[run, step]] : []))).toEqual([
      [1, 30],
      [2, 20],
    ]);
    expect(dots.flatMap(({ run, step, dense }) => (dense ? [[run, step]] : []))).toEqual([[2, 20]]);
    expect(dots.map(({ ratio }) => ratio)).toEqual([1, 0.5, 0.5, 0.6, 1, 1]);
  });

  test('without a cost are left out and counted; of speeds more is better', () => {
    const { dots, of } = dotsOf(runs, cost('speed'), nothing);
    expect([dots.length, of]).toEqual([4, 6]);
    expect(dots.flatMap(({ step, cost: value, front }) => (front ? [[step, value]] : []))).toEqual([
      [40, 150],
      [20, 100],
    ]);
    expect(dotsOf(runs, cost('latency1'), nothing)).toEqual({ dots: [], of: 6 });
  });

  test('take a latency from what was measured of their structure, and what is missing is listed once', () => {
    const found = new Map([
      ['1 structure of 500', speed(5, 50, null)],
      ['1 dense', speed(8, 64, null)],
    ]);
    const of = (run: number, key: string): Measured | undefined => found.get(`${run} ${key}`);
    const { dots } = dotsOf(runs, cost('latency64'), of);
    expect(dots.map(({ step, cost: value, ratio }) => [step, value, ratio])).toEqual([
      [20, 50, 50 / 64],
      [30, 50, 50 / 64],
    ]);
    expect(runs.map((one) => unmeasured(one, of).map(({ step, macs }) => [step, macs]))).toEqual([
      [
        [10, 1_000],
        [40, 600],
      ],
      [[10, 1_000]],
    ]);
  });
});
