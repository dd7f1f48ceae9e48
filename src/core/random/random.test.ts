import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { augmentation, normal2, random4, shuffle, toUnit } from './random.ts';

describe('counter-based random numbers', () => {
  test('are unsigned 32-bit integers that depend on every counter', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(), (seed, a, b) => {
        const value = random4(seed, 'order', a, b);
        for (const bits of value) expect(bits >>> 0).toBe(bits);
        expect(random4(seed + 1, 'order', a, b)).not.toEqual(value);
        expect(random4(seed, 'prune', a, b)).not.toEqual(value);
        expect(random4(seed, 'order', a + 1, b)).not.toEqual(value);
        expect(random4(seed, 'order', a, b + 1)).not.toEqual(value);
      }),
    );
  });

  test('are uniform: a chi-square of 256 bins stays within its range', () => {
    const bins = Array.from({ length: 256 }, () => 0);
    const draws = 100_000;
    for (let i = 0; i < draws; i++) {
      const bin = Math.floor(toUnit(random4(7, 'init', 1, i)[0]) * 256);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    const expected = draws / 256;
    const chiSquare = bins.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: mean 255, deviation 22.6.
    expect(Math.abs(chiSquare - 255)).toBeLessThan(5 * 22.6);
  });

  test('normal numbers have mean 0 and variance 1', () => {
    const values = Array.from({ length: 20_000 }, (_, i) => [...normal2(3, 'init', 5, i)]).flat();
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.025);
    expect(values.reduce((sum, value) => sum + value ** 2, 0) / values.length).toBeCloseTo(1, 1);
  });

  test('a shuffle is a permutation', () => {
    const values = Uint32Array.from({ length: 1_000 }, (_, i) => i);
    shuffle(values, 1, 'order', 2);
    expect([...values]).not.toEqual([...values].sort((a, b) => a - b));
    expect([...values].sort((a, b) => a - b)).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  test('augmentations cover every shift and both flips', () => {
    const seen = Array.from({ length: 2_000 }, (_, slot) => augmentation(1, 0, slot, 4));
    expect(new Set(seen.map(({ dx }) => dx)).size).toBe(9);
    expect([Math.min(...seen.map(({ dy }) => dy)), Math.max(...seen.map(({ dy }) => dy))]).toEqual([-4, 4]);
    expect(Math.abs(seen.filter(({ flip }) => flip).length / 2_000 - 0.5)).toBeLessThan(0.06);
  });
});
