import { expect, test } from 'vitest';
import { FIXTURES } from '../core/own-image/testing.ts';
import { ownImage } from './own-image.ts';

/** A drawing of two colours, its right half transparent but for a column, as a file. */
async function drawn(type: string, width = 90, height = 60): Promise<Blob> {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext('2d');
  if (!context) throw new Error('no canvas');
  context.fillStyle = 'rgb(200, 40, 40)';
  context.fillRect(0, 0, width / 2, height);
  context.fillStyle = 'rgb(20, 20, 220)';
  context.fillRect(width - 10, 0, 10, height);
  return canvas.convertToBlob({ type, quality: 1 });
}

const at = (pixels: Uint8Array, x: number, y: number): number[] => [
  ...pixels.subarray(3 * (32 * y + x), 3 * (32 * y + x) + 3),
];

test('a PNG: the centred square, over white, pixel by pixel', async () => {
  const { pixels, width, height, crop } = await ownImage(await drawn('image/png'));
  expect([width, height, crop]).toEqual([90, 60, { x: 15, y: 0, size: 60 }]);
  expect(pixels).toHaveLength(3_072);
  expect(at(pixels, 0, 31)).toEqual([200, 40, 40]);
  // Columns 0 to 29 of the square are red, those from 30 on white.
  expect(at(pixels, 15, 3)).toEqual([200, 40, 40]);
  expect(at(pixels, 16, 3)).toEqual([255, 255, 255]);
  const right = await ownImage(await drawn('image/png'), { x: 80, y: 5, size: 10 });
  expect(right.crop).toEqual({ x: 80, y: 5, size: 10 });
  expect(at(right.pixels, 9, 9)).toEqual([20, 20, 220]);
});

test.each(Object.entries(FIXTURES))('%s: a real file is decoded, whatever it calls itself', async (_, text) => {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const image = await ownImage(new Blob([bytes], { type: 'text/html' }));
  expect(image).toMatchObject({ width: 7, height: 5, crop: { x: 1, y: 0, size: 5 } });
});

test.each([
  ['text', new Blob(['no image']), /^This file is no image that browsers read\./],
  ['nothing', new Blob([]), /^This file is empty\./],
  [
    'a header alone',
    new Blob([Uint8Array.from(atob(FIXTURES.png).slice(0, 40), (c) => c.charCodeAt(0))]),
    /^This PNG image cannot be decoded/,
  ],
])('%s is refused with a sentence', async (_, blob, message) => {
  await expect(ownImage(blob)).rejects.toThrow(message);
});
