import { expect, test } from 'vitest';
import { clockText, clockTick } from './clock-text.ts';

test('places on a clock carry their unit', () => {
  expect(clockText('step', 1_200)).toBe('1,200');
  expect(clockText('seconds', 61.26)).toBe('61.3 s');
  expect(clockText('macs', 1.234e12)).toBe('1.23 T');
});

test('on an axis they are short', () => {
  expect(clockTick('step', 1_200)).toBe('1,200');
  expect(clockTick('seconds', 90)).toBe('90 s');
  expect([0, 500, 25_000, 1.5e9, 2.5e11, 6e12].map((macs) => clockTick('macs', macs))).toEqual([
    '0',
    '500',
    '25 k',
    '1.5 G',
    '250 G',
    '6 T',
  ]);
});
