import { expect, test } from 'vitest';
import { noise } from '../../../engine/tfjs/testing.ts';
import { globalMask, kthSmallest } from './global-mask.ts';
import type { Scores } from './scored.ts';

const scoresOf = (...layers: readonly (readonly number[])[]): Scores =>
  new Map(layers.map((values, i) => [`layer${i}/kernel`, Float64Array.from(values)]));
const kept = (scores: Scores, keep: number): number[][] =>
  [...globalMask(scores, keep).values()].map((mask) => [...mask]);

test('worked example A: the tie at the threshold goes, so two of six stay', () => {
  expect(kept(scoresOf([2, 4, 0, 3], [6, 3]), 0.5)).toEqual([
    [0, 1, 0, 0],
    [1, 0],
  ]);
});

test('the k-th smallest is that of a sort, with ties and in any order', () => {
  for (let round = 0; round < 40; round++) {
    const values = Float64Array.from({ length: 1 + ((round * 7) % 50) }, (_, i) => Math.floor(20 * noise(round, i)));
    const sorted = values.toSorted();
    for (let k = 1; k <= values.length; k++) expect(kthSmallest(values.slice(), k)).toBe(sorted[k - 1]);
  }
});

test('without ties exactly N - floor((1 - keep) N) weights stay; keeping all keeps zeros too', () => {
  const scores = scoresOf(
    Array.from({ length: 30 }, (_, i) => noise(1, i)),
    Array.from({ length: 13 }, (_, i) => noise(2, i)),
  );
  for (const keep of [0.03, 0.1, 0.5, 0.77]) {
    expect(kept(scores, keep).flat().filter(Boolean).length).toBe(43 - Math.floor((1 - keep) * 43));
  }
  expect(kept(scoresOf([0, 0, 5]), 1)).toEqual([[1, 1, 1]]);
});

test('a common factor of all scores changes nothing', () => {
  const values = Array.from({ length: 50 }, (_, i) => noise(3, i));
  const scaled = values.map((value) => value * 2 ** 60);
  expect(kept(scoresOf(scaled), 0.3)).toEqual(kept(scoresOf(values), 0.3));
});

test('scores that overflowed are refused with a sentence', () => {
  for (const bad of [NaN, Infinity]) expect(() => globalMask(scoresOf([1, bad]), 0.5)).toThrow(/not finite .*float32/);
});
