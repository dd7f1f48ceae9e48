import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { keptTaps } from '../network/taps.ts';
import { intervalOf, missesCentre, rowTable } from './index.ts';

const pairs = (taps: number) =>
  Array.from({ length: taps }, (_, i) => i + 1).flatMap((stride) =>
    Array.from({ length: stride }, (_, offset) => ({ stride, offset })),
  );

describe.each([1, 2, 3, 5, 7])('%ix%i kernels', (kernel) => {
  const taps = kernel ** 2;
  test('the offsets of a stride share out the taps (property 1)', () => {
    for (let stride = 1; stride <= taps; stride++) {
      const lists = Array.from({ length: stride }, (_, offset) => keptTaps(stride, offset, taps));
      expect(lists.flat().sort((a, b) => a - b)).toEqual([...Array(taps).keys()]);
    }
  });
  test('lists give back their stride and offset, single taps the canonical ones (property 2)', () => {
    for (const { stride, offset } of pairs(taps)) {
      const list = keptTaps(stride, offset, taps);
      expect(intervalOf(list, taps)).toEqual(list.length === 1 ? { stride: taps, offset } : { stride, offset });
    }
  });
});

test('3x3: 45 pairs keep 29 patterns, and every other list of taps is refused', () => {
  expect(pairs(9)).toHaveLength(45);
  const patterns = new Set(pairs(9).map(({ stride, offset }) => keptTaps(stride, offset, 9).join()));
  expect(patterns.size).toBe(29);
  for (let bits = 0; bits < 2 ** 9; bits++) {
    const list = [...Array(9).keys()].filter((tap) => (bits >> tap) & 1);
    if (patterns.has(list.join())) expect(() => intervalOf(list, 9)).not.toThrow();
    else expect(() => intervalOf(list, 9)).toThrow(/no stride and offset|at least one tap/);
  }
});

test('lists that are out of order, out of range or not whole are refused', () => {
  for (const list of [[4, 2, 0], [0, 3, 6, 9], [-1, 1, 3, 5, 7], [0.5], [2, 2], [9]]) {
    expect(() => intervalOf(list, 9)).toThrow();
  }
});

test('the row table of 11.1', () => {
  const rows = rowTable({ stride: 2, offsets: [1, 0] }, 9);
  expect(rows.map(({ channel, tap }) => `${channel},${tap}`).join(' ')).toBe('0,1 0,3 0,5 0,7 1,0 1,2 1,4 1,6 1,8');
});

test('where a stride divides the taps every row is found by division (4.3 step 2)', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 20 }), (offsets) => {
      rowTable({ stride: 3, offsets }, 9).forEach(({ channel, tap }, i) => {
        expect(channel).toBe(Math.floor(i / 3));
        expect(tap).toBe((offsets[channel] ?? 0) + (i % 3) * 3);
      });
    }),
  );
});

test('only where all offsets are 1 does stride 2 miss the centre of 3x3 kernels', () => {
  expect(missesCentre({ stride: 2, offsets: [1, 1] }, 9)).toBe(true);
  expect(missesCentre({ stride: 2, offsets: [1, 0] }, 9)).toBe(false);
  expect(missesCentre({ stride: 3, offsets: [0, 2] }, 9)).toBe(true);
  // 2x2 kernels have no centre.
  expect(missesCentre({ stride: 2, offsets: [1] }, 4)).toBe(false);
});
