import { expect, test } from 'vitest';
import { clockText, clockTick, roundTicks } from './clock-text.ts';

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

test('axes have round ticks', () => {
  expect(roundTicks('step', 33)).toEqual([0, 10, 20, 30]);
  expect(roundTicks('step', 1)).toEqual([0, 1]);
  expect(roundTicks('step', 11_700)).toEqual([0, 5_000, 10_000]);
  expect(roundTicks('seconds', 1)).toEqual([0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  expect(roundTicks('macs', 2.1e9)).toEqual([0, 5e8, 1e9, 1.5e9, 2e9]);
});
