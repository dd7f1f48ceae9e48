import { describe, expect, test } from 'vitest';
import { regrowFactor, updateDue } from './schedule.ts';

describe('regrow factor', () => {
  test('cosine: delta_0 = 0.3, T_max = 18, every 2', () => {
    const factors = [2, 4, 6, 8, 10, 12, 14, 16, 18].map((t) => regrowFactor(0.3, t, 18, 'cosine'));
    const expected = [0.291, 0.2649, 0.225, 0.176, 0.124, 0.075, 0.0351, 0.009, 0];
    factors.forEach((factor, i) => expect(factor).toBeCloseTo(expected[i] ?? NaN, 4));
    expect(factors.at(-1)).toBe(0);
  });

  test('linear and constant', () => {
    expect(regrowFactor(0.4, 5, 20, 'linear')).toBeCloseTo(0.3, 12);
    expect(regrowFactor(0.4, 19, 20, 'constant')).toBe(0.4);
    expect(regrowFactor(0.4, 20, 20, 'linear')).toBe(0);
    expect(regrowFactor(0.4, 20, 20, 'constant')).toBe(0);
  });
});

test('updates come every so many steps and at the end of exploring, never in the warm-up and never after', () => {
  const due = (every: number, until: number, warmupSteps: number): number[] =>
    Array.from({ length: 60 }, (_, step) => step).filter((step) => updateDue(step, { every, until, warmupSteps }));
  expect(due(10, 40, 3)).toEqual([10, 20, 30, 40]);
  expect(due(15, 40, 3)).toEqual([15, 30, 40]);
  expect(due(5, 22, 12)).toEqual([15, 20, 22]);
  expect(due(5, 12, 12)).toEqual([12]);
  expect(due(1, 3, 0)).toEqual([1, 2, 3]);
});
