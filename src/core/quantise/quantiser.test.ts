import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normal2 } from '../random/random.ts';
import { uniforms } from '../random/uniforms.ts';
import { fitQuantiser, levelsOf, quantise } from './index.ts';

const worked = [0.31, -0.12, 0.04, -0.55, 0.9, -0.02, 0.23, -0.41];
const errorAt = (weights: readonly number[], step: number, levels: number): number =>
  weights.reduce((sum, w) => sum + (w - quantise(w, { step, levels })) ** 2, 0);

describe('the worked example of strided.md section 8', () => {
  test.each([
    [4, 7, 0.132, 6.67e-3],
    [5, 15, 0.06, 1.2e-3],
    [3, 3, 0.297, 3.58e-2],
  ])('%i bits', (bits, levels, step, error) => {
    const found = fitQuantiser(worked, bits);
    expect(found.levels).toBe(levels);
    // The digest scans in steps of 0.001.
    expect(Math.abs(found.step - step)).toBeLessThan(0.001);
    expect(found.error).toBeLessThan(error * 1.002);
    expect(found.error).toBeGreaterThan(error * 0.98);
    expect(errorAt(worked, step, levels)).toBeCloseTo(error, 4);
  });
  test('largest weight / levels is worse', () => expect(errorAt(worked, 0.9 / 7, 7)).toBeCloseTo(7.47e-3, 5));
});

const weight = fc.double({ min: -1, max: 1, noNaN: true });
const bits = fc.integer({ min: 2, max: 8 });

test('Q(0) = 0, Q is odd, bounded, has 2 levels + 1 values, and is the nearest of them (property 15)', () => {
  fc.assert(
    fc.property(weight, fc.double({ min: 0.01, max: 0.5, noNaN: true }), bits, (w, step, b) => {
      const levels = levelsOf(b);
      expect(levels).toBe([1, 3, 7, 15, 31, 63, 127][b - 2]);
      const values = Array.from({ length: 2 * levels + 1 }, (_, i) => (i - levels) * step);
      const q = quantise(w, { step, levels });
      expect(quantise(0, { step, levels })).toBe(0);
      expect(quantise(-w, { step, levels }) + q).toBe(0);
      expect(Math.abs(q)).toBeLessThanOrEqual(levels * step);
      const nearest = Math.min(...values.map((value) => Math.abs(value - w)));
      expect(Math.abs(q - w)).toBeCloseTo(nearest, 9);
    }),
  );
});

/** The smallest error that any step has: between two steps where a code changes, least squares is best. */
function smallestError(weights: readonly number[], levels: number): number {
  const magnitudes = weights.map(Math.abs);
  const changes = magnitudes
    .flatMap((w) => Array.from({ length: levels }, (_, j) => w / (j + 0.5)))
    .filter((step) => step > 1e-9)
    .sort((a, b) => a - b);
  const steps = changes.map((step, i) => (step + (changes[i - 1] ?? 0)) / 2);
  return Math.min(
    ...steps.map((step) => {
      const codes = magnitudes.map((w) => Math.min(Math.floor(w / step + 0.5), levels));
      const squares = codes.reduce((sum, q) => sum + q * q, 0);
      const best = squares > 0 ? magnitudes.reduce((sum, w, i) => sum + w * (codes[i] ?? 0), 0) / squares : step;
      return magnitudes.reduce((sum, w, i) => sum + (w - best * (codes[i] ?? 0)) ** 2, 0);
    }),
  );
}

test('the error is close to the smallest of all steps', () => {
  const sample = fc.record({
    seed: fc.nat(),
    count: fc.integer({ min: 20, max: 200 }),
    power: fc.constantFrom(1, 2, 4),
  });
  fc.assert(
    fc.property(sample, fc.integer({ min: 2, max: 5 }), ({ seed, count, power }, b) => {
      const random = uniforms(seed, 'init', 0);
      // The higher the power, the heavier the tails.
      const values = Array.from({ length: count }, () => (2 * random() - 1) ** power * Math.sign(random() - 0.5));
      const smallest = smallestError(values, levelsOf(b));
      expect(fitQuantiser(values, b).error).toBeLessThanOrEqual(smallest * 1.05);
    }),
    { numRuns: 60 },
  );
});

/** Mean squared error of a step for standard normal weights, by the trapezoid rule. */
const normalError = (step: number, levels: number): number =>
  Array.from({ length: 1_601 }, (_, i) => (i - 800) / 100).reduce((sum, x) => {
    const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
    return sum + 0.01 * density * (x - quantise(x, { step, levels })) ** 2;
  }, 0);

test.each([
  [2, 1],
  [4, 7],
])('%i bits of many normal weights: the step and error that their density has', (b, levels) => {
  const steps = Array.from({ length: 1_000 }, (_, i) => (i + 100) / 500);
  const step = steps.reduce((x, y) => (normalError(y, levels) < normalError(x, levels) ? y : x));
  const weights = Array.from({ length: 50_000 }, (_, i) => normal2(3, 'init', 0, i)).flat();
  const found = fitQuantiser(weights, b);
  expect(Math.abs(found.step / step - 1)).toBeLessThan(0.02);
  expect(Math.abs(found.error / weights.length / normalError(step, levels) - 1)).toBeLessThan(0.02);
});

test('pruned weights count for nothing and stay 0', () => {
  const sparse = worked.flatMap((w) => [w, 5, 0]);
  const mask = worked.flatMap(() => [1, 0, 1]);
  expect(fitQuantiser(sparse, 4, mask)).toEqual(fitQuantiser(worked, 4));
  expect(fitQuantiser([0, 0], 4)).toEqual({ step: 1, levels: 7, error: 0 });
});

test('a word that is no word is refused', () => {
  for (const wrong of [1, 17, 4.5]) expect(() => fitQuantiser(worked, wrong)).toThrow(`not ${wrong}`);
});
