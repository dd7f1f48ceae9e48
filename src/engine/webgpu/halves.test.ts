import { expect, test } from 'vitest';
import { floatsOf, fromHalf } from './halves.ts';
import { toHalf } from './testing.ts';

test.each([
  [0x0000, 0],
  [0x8000, -0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x3555, 0.333_251_953_125],
  [0x7bff, 65_504],
  [0x0400, 2 ** -14],
  [0x0001, 2 ** -24],
  [0x83ff, -1_023 * 2 ** -24],
  [0x7c00, Infinity],
  [0xfc00, -Infinity],
  [0x7e00, NaN],
])('bits %i are %d', (bits, value) => {
  expect(fromHalf(bits)).toBe(value);
  expect(toHalf(value)).toBe(bits);
});

test('every f16 comes back from its number', () => {
  const wrong = Array.from({ length: 2 ** 16 }, (_, bits) => bits).filter(
    (bits) => !Number.isNaN(fromHalf(bits)) && toHalf(fromHalf(bits)) !== bits,
  );
  expect(wrong).toEqual([]);
});

test('numbers between two go to the nearer one, halfway to the even one, too large ones to infinity', () => {
  expect([1 + 2 ** -11, 1 + 3 * 2 ** -11, 1 + 2 ** -11 + 2 ** -20, 65_519, 65_520].map(toHalf)).toEqual([
    0x3c00, 0x3c02, 0x3c01, 0x7bff, 0x7c00,
  ]);
});

test('what was read from the GPU', () => {
  expect([...floatsOf(Uint16Array.of(0x3c00, 0xc000).buffer, 'f16')]).toEqual([1, -2]);
  expect([...floatsOf(Float32Array.of(0.1, 3).buffer, 'f32')]).toEqual([Math.fround(0.1), 3]);
});
