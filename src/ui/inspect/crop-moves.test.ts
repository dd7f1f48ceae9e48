import { expect, test } from 'vitest';
import { cropByKey, resized } from './crop-moves.ts';

test('arrow keys move the square by a sixteenth of it, with Shift by a pixel', () => {
  const crop = { x: 10, y: 20, size: 64 };
  expect(cropByKey('ArrowRight', crop, false)).toEqual({ x: 14, y: 20, size: 64 });
  expect(cropByKey('ArrowUp', crop, true)).toEqual({ x: 10, y: 19, size: 64 });
  expect(cropByKey('ArrowDown', { ...crop, size: 4 }, false)).toEqual({ x: 10, y: 21, size: 4 });
  expect(cropByKey('a', crop, false)).toBeNull();
});

test('another size keeps the centre', () => {
  expect(resized({ x: 10, y: 20, size: 30 }, 10)).toEqual({ x: 20, y: 30, size: 10 });
  expect(resized({ x: 20, y: 30, size: 10 }, 30)).toEqual({ x: 10, y: 20, size: 30 });
});
