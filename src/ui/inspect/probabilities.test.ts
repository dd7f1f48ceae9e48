import { expect, test } from 'vitest';
import { ranked, softmax } from './probabilities.ts';

test('softmax: logits of logarithms are the shares of what they are logarithms of', () => {
  const shares = softmax([1, 2, 3, 4].map((weight) => Math.log(weight) + 50));
  shares.forEach((share, i) => expect(share).toBeCloseTo((i + 1) / 10, 12));
});

test('softmax of logits far too large for an exponential still sums to 1', () => {
  expect(softmax(Float32Array.from([2_000, 2_000, -2_000]))).toEqual([0.5, 0.5, 0]);
});

test('classes are ranked by probability, equal ones by their number', () => {
  expect(ranked([0.1, 0.4, 0.1, 0.4])).toEqual([1, 3, 0, 2]);
});
