import { describe, expect, test } from 'vitest';
import { cutOf } from './cut.ts';

const SIZES = [4, 2, 1];
const WIDTHS = Array.from({ length: 320 }, (_, i) => i + 1);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe.each([false, true])('channels cut into tiles, sizes mixed: %s', (mixed) => {
  const cut = cutOf(SIZES, mixed);

  test.each(WIDTHS)('%i vec4s are covered, and no tile idles as a whole', (vectors) => {
    const blocks = cut(vectors);
    expect(sum(blocks)).toBeGreaterThanOrEqual(vectors);
    expect(sum(blocks.slice(0, -1))).toBeLessThan(vectors);
    // The sums of a batch norm are in two kinds of parts at most.
    expect(new Set(blocks.slice(0, -1)).size).toBeLessThanOrEqual(1);
    expect(new Set(blocks).size).toBeLessThanOrEqual(mixed ? 2 : 1);
  });
});

test('mixing never makes more vectors than one size alone', () => {
  for (const vectors of WIDTHS) {
    expect(sum(cutOf(SIZES, true)(vectors))).toBeLessThanOrEqual(sum(cutOf(SIZES, false)(vectors)));
  }
});

test('what a large tile would leave idle goes to a small one', () => {
  expect(cutOf(SIZES, false)(5)).toEqual([2, 2, 2]);
  expect(cutOf(SIZES, true)(5)).toEqual([4, 1]);
  expect(cutOf(SIZES, true)(6)).toEqual([4, 2]);
  // Two small ones would cost more than a large one with an idle vector.
  expect(cutOf(SIZES, true)(7)).toEqual([4, 4]);
  expect(cutOf(SIZES, true)(33)).toEqual([...Array.from({ length: 8 }, () => 4), 1]);
});
