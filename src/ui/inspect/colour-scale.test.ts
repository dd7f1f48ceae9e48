import { expect, test } from 'vitest';
import { paint, viridis } from './colour-scale.ts';

/** Relative luminance of sRGB (WCAG 2.2). */
const luminance = (rgb: readonly number[]): number =>
  rgb
    .map((byte) => byte / 255)
    .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * ([0.2126, 0.7152, 0.0722][i] ?? 0), 0);

test('the scale grows lighter all the way, so that it can be read without colours', () => {
  const lights = Array.from({ length: 101 }, (_, i) => luminance(viridis(i / 100)));
  lights.slice(1).forEach((light, i) => expect(light).toBeGreaterThan(lights[i] ?? 1));
});

test('what lies outside has the colour of the end', () => {
  expect(viridis(-1)).toEqual(viridis(0));
  expect(viridis(2)).toEqual(viridis(1));
  expect(viridis(NaN)).toEqual(viridis(0));
  expect(viridis(0.5)).toEqual([33, 145, 140]);
});

test('values are painted where they belong, by the range given', () => {
  const pixels = new Uint8ClampedArray(4 * 4);
  // Two channels: the second one's values are 4, 8, 12.
  const values = Float32Array.from([0, 4, 0, 8, 0, 12]);
  paint(values, { first: 1, stride: 2, count: 3 }, { least: 4, most: 12 }, pixels, (i) => 3 - i);
  expect([...pixels.subarray(12, 16)]).toEqual([...viridis(0), 255]);
  expect([...pixels.subarray(8, 12)]).toEqual([...viridis(128 / 255), 255]);
  expect([...pixels.subarray(4, 8)]).toEqual([...viridis(1), 255]);
  expect([...pixels.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
});

test('maps of one value are painted, not divided by zero', () => {
  const pixels = new Uint8ClampedArray(4);
  paint(new Float32Array(1), { first: 0, stride: 1, count: 1 }, { least: 0, most: 0 }, pixels, () => 0);
  expect([...pixels]).toEqual([...viridis(0), 255]);
});
