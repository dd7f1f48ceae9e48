import { expect, test } from 'vitest';
import { mcNemarExact, predictionsOf } from '../../core/inspect/index.ts';
import { cellSentence, oneOf, pText, pictureText, plural, signed, verdict } from './change-words.ts';

const [cat, deer, dog] = [3, 4, 5];

test('a cell of a confusion matrix is said in a sentence', () => {
  const cell = { label: cat, predicted: dog, images: 31, total: 100, more: null };
  expect(cellSentence(cell)).toBe('cats taken for dogs: 31 of 100 (31.0 %)');
  expect(cellSentence({ ...cell, more: 6 })).toBe('cats taken for dogs: 31 of 100 (31.0 %), 6 more than in A');
  expect(cellSentence({ ...cell, more: -1 })).toBe('cats taken for dogs: 31 of 100 (31.0 %), 1 fewer than in A');
  expect(cellSentence({ ...cell, predicted: cat, images: 1_200, total: 1_500, more: 0 })).toBe(
    'cats recognised: 1,200 of 1,500 (80.0 %), as many as in A',
  );
  expect(cellSentence({ ...cell, label: deer, images: 0, total: 0 })).toBe('deer taken for dogs: 0 of 0');
});

test('classes are named as one says them', () => {
  expect([oneOf(0), oneOf(cat), oneOf(1)]).toEqual(['an airplane', 'a cat', 'an automobile']);
  expect([plural(deer), plural(8)]).toEqual(['deer', 'ships']);
});

test('signs are printed, and nothing has none', () => {
  expect([signed(3, '3'), signed(-3, '3'), signed(0, '0')]).toEqual(['+3', '−3', '0']);
});

test('the test of a difference is told in plain words', () => {
  expect(verdict(10, 10, mcNemarExact(10, 10))).toContain('no more than chance may do');
  expect(verdict(10, 10, mcNemarExact(10, 10))).toContain('100 times in 100');
  // p = 0.002221 (vassarstats.net).
  expect(verdict(30, 10, mcNemarExact(30, 10))).toMatch(/^B lost 30 and gained 10: more than chance/);
  expect(verdict(30, 10, mcNemarExact(30, 10))).toContain('2 times in 1,000 (McNemar’s exact test, p = 0.002)');
  expect(verdict(59, 121, mcNemarExact(59, 121))).toContain('less than once in 1,000 times');
  expect(verdict(0, 0, 1)).toContain('nothing tells them apart');
  expect([0.0009, 0.0049, 0.049, 0.37].map(pText)).toEqual(['p < 0.001', 'p = 0.005', 'p = 0.05', 'p = 0.37']);
});

test('a picture has a text that says what it shows and what is said of it', () => {
  const logits = Float32Array.from({ length: 20 }, (_, i) => (i === 10 + dog ? Math.log(9) : 0));
  const predictions = predictionsOf(logits, Uint8Array.from([0, cat]), 10);
  expect(pictureText({ index: 1, label: cat }, [{ letter: 'B', predictions }])).toBe(
    'Test image 1, a cat: B says dog, 50 %',
  );
  const lost = predictionsOf(logits.fill(NaN), Uint8Array.from([0, cat]), 10);
  expect(pictureText({ index: 1, label: cat }, [{ letter: 'A', predictions: lost }])).toContain('no number');
});
