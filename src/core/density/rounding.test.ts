import { expect, test } from 'vitest';
import { roundWidths } from './rounding.ts';

/** Two groups of one layer each, which cost as much as they are wide. */
const problem = (budget: number, fractional: readonly number[]) => ({
  groups: [
    { reward: 1, lowest: 1, highest: 8 },
    { reward: 1, lowest: 1, highest: 8 },
  ],
  layers: [[0], [1]],
  costs: [[1 / budget, 1 / budget]],
  allowed: [
    [1, 2, 3, 4, 5, 6, 7, 8],
    [1, 2, 3, 4, 5, 6, 7, 8],
  ],
  fractional,
});

test('near the objective what rounding leaves goes where it gains most', () => {
  expect(roundWidths({ ...problem(9, [4.5, 4.5]), near: 'objective' })).toEqual([5, 4]);
  // Equal shares of 10 are best, from wherever it sets out.
  expect(roundWidths({ ...problem(10, [7.5, 2.5]), near: 'objective' })).toEqual([5, 5]);
});

test('near fractional widths it goes where most is missing, and nothing is exchanged', () => {
  expect(roundWidths({ ...problem(10, [7.4, 2.6]), near: 'fractional' })).toEqual([7, 3]);
  expect(roundWidths({ ...problem(10, [7.6, 2.4]), near: 'fractional' })).toEqual([8, 2]);
});

test('fractional widths a hair above the budget end within it', () => {
  const widths = roundWidths({ ...problem(9 - 1e-9, [5, 4]), near: 'objective' });
  expect(widths.reduce((sum, width) => sum + width, 0)).toBe(8);
});
