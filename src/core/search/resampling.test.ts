import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { effectiveSampleSize, systematicResample, weightsOf } from './index.ts';

describe('the worked table of strided.md 5.2', () => {
  const accuracies = [0.8, 0.6, 0.7, 0.9, 0.5];
  test.each([
    [1, [0.2286, 0.1714, 0.2, 0.2571, 0.1429], 4.8, [0, 1, 2, 3, 4]],
    [5, [0.2742, 0.0651, 0.1406, 0.494, 0.0261], 2.91, [0, 1, 3, 3, 3]],
  ])('power %i', (power, expected, size, resampled) => {
    const weights = weightsOf(accuracies, power);
    weights.forEach((weight, i) => expect(weight).toBeCloseTo(expected[i] ?? 0, 4));
    expect(effectiveSampleSize(weights)).toBeCloseTo(size, 2);
    expect(systematicResample(weights, 0.5)).toEqual(resampled);
  });
  test('power 10', () => {
    const weights = weightsOf(accuracies, 10);
    expect(effectiveSampleSize(weights)).toBeCloseTo(1.8, 2);
    expect(systematicResample(weights, 0.5)).toEqual([0, 3, 3, 3, 3]);
  });
});

const likelihoods = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 40 });
const open = fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true });

test('index i appears floor or ceil of count x weight times, ascending (property 11)', () => {
  fc.assert(
    fc.property(likelihoods, fc.constantFrom(0, 1, 8, 400), open, (values, power, u) => {
      const weights = weightsOf(values, power);
      expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 9);
      const size = effectiveSampleSize(weights);
      expect(size).toBeGreaterThan(1 - 1e-9);
      expect(size).toBeLessThan(values.length + 1e-9);
      const chosen = systematicResample(weights, u);
      expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
      expect(chosen).toHaveLength(values.length);
      weights.forEach((weight, i) => {
        const times = chosen.filter((index) => index === i).length;
        expect(Math.abs(times - weight * values.length)).toBeLessThan(1 + 1e-9);
      });
    }),
  );
});

test('equal weights reproduce each once; nothing likely at all weighs alike', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.double({ min: 0.001, max: 0.999, noNaN: true }), (count, u) => {
      const weights = weightsOf(Array<number>(count).fill(0), 8);
      expect(systematicResample(weights, u)).toEqual([...Array(count).keys()]);
    }),
  );
});

test('a likelihood that is none is refused', () => {
  expect(() => weightsOf([0.5, -0.1], 1)).toThrow('at least 0, not -0.1');
  expect(() => weightsOf([Number.NaN], 1)).toThrow('not NaN');
});
