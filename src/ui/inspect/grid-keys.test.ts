import { expect, test } from 'vitest';
import { cellByKey, layOutMaps } from './grid-keys.ts';

test('few channels are drawn large on one line, many small on several, and none is lost', () => {
  expect(layOutMaps(8, 32, 500)).toEqual({ size: 62, perLine: 8, lines: 1 });
  expect(layOutMaps(4, 32, 500)).toEqual({ size: 76, perLine: 4, lines: 1 });
  // 44 pixels each: at most 11 to a line, so two lines of 8.
  expect(layOutMaps(16, 16, 500)).toEqual({ size: 62, perLine: 8, lines: 2 });
  expect(layOutMaps(32, 8, 500)).toEqual({ size: 31, perLine: 16, lines: 2 });
  const many = layOutMaps(1_280, 4, 500);
  expect(many).toEqual({ size: 16, perLine: 31, lines: 42 });
  expect(many.perLine * many.lines).toBeGreaterThanOrEqual(1_280);
});

test('arrow keys go from map to map and from line to line, and stay within', () => {
  expect(cellByKey('ArrowRight', null, 4, 10)).toBe(0);
  expect(cellByKey('ArrowRight', 3, 4, 10)).toBe(4);
  expect(cellByKey('ArrowDown', 3, 4, 10)).toBe(7);
  expect(cellByKey('ArrowDown', 7, 4, 10)).toBe(7);
  expect(cellByKey('ArrowUp', 7, 4, 10)).toBe(3);
  expect(cellByKey('ArrowLeft', 0, 4, 10)).toBe(0);
  expect(cellByKey('End', null, 4, 10)).toBe(9);
  expect(cellByKey('Home', 5, 4, 10)).toBe(0);
  expect(cellByKey('Enter', 5, 4, 10)).toBeNull();
});
