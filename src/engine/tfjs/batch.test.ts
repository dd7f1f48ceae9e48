import { describe, expect, test } from 'vitest';
import { augmentation } from '../../core/random/random.ts';
import { CHANNEL_DEVIATION, CHANNEL_MEAN } from '../engine.ts';
import { assembleBatch } from './batch.ts';

/** One image whose pixel (y, x) has red = y, green = x, blue = 255. */
const image = Uint8Array.from({ length: 3_072 }, (_, i) => {
  const pixel = Math.floor(i / 3);
  return [Math.floor(pixel / 32), pixel % 32, 255][i % 3] ?? 0;
});
const red = (value: number): number => (value / 255 - CHANNEL_MEAN[0]) / CHANNEL_DEVIATION[0];
const green = (value: number): number => (value / 255 - CHANNEL_MEAN[1]) / CHANNEL_DEVIATION[1];
const at = (batch: Float32Array, y: number, x: number): number[] =>
  Array.from(batch.subarray((y * 32 + x) * 3, (y * 32 + x) * 3 + 2));

describe('batch assembly', () => {
  test('without augmentation a pixel is normalised where it stands', () => {
    const batch = assembleBatch(image, Uint32Array.of(0), null);
    expect(at(batch, 7, 20)[0]).toBeCloseTo(red(7), 5);
    expect(at(batch, 7, 20)[1]).toBeCloseTo(green(20), 5);
  });

  test('a shift moves the window, a flip mirrors it, and what lies outside is zero', () => {
    // A step whose first draw flips and shifts in both directions.
    const step = Array.from({ length: 500 }, (_, i) => i).find((i) => {
      const { dx, dy, flip } = augmentation(1, i, 0, 4);
      return flip && dx === 3 && dy === -2;
    });
    if (step === undefined) throw new Error('no such step');
    const batch = assembleBatch(image, Uint32Array.of(0), { seed: 1, step, crop: true, flip: true });
    // Output (10, 5) takes row 10 - 2 and column (31 - 5) + 3.
    expect(at(batch, 10, 5)[0]).toBeCloseTo(red(8), 5);
    expect(at(batch, 10, 5)[1]).toBeCloseTo(green(29), 5);
    expect(at(batch, 1, 5)).toEqual([0, 0]);
    expect(at(batch, 10, 2)).toEqual([0, 0]);
  });

  test('crop and flip can be asked for alone, and draw what they draw together; every slot draws its own', () => {
    const step = 12;
    const slots = Uint32Array.from({ length: 40 }, () => 0);
    const drawn = Array.from(slots, (_, slot) => augmentation(7, step, slot, 4));
    expect(new Set(drawn.map(({ dx, dy, flip }) => `${dx} ${dy} ${flip}`)).size).toBeGreaterThan(20);
    const cropped = assembleBatch(image, slots, { seed: 7, step, crop: true, flip: false });
    const flipped = assembleBatch(image, slots, { seed: 7, step, crop: false, flip: true });
    // The middle is inside whatever the shift.
    drawn.forEach(({ dx, dy, flip }, slot) => {
      const of = (batch: Float32Array): number[] => at(batch.subarray(slot * 3_072), 15, 9);
      expect(of(cropped)[0]).toBeCloseTo(red(15 + dy), 5);
      expect(of(cropped)[1]).toBeCloseTo(green(9 + dx), 5);
      expect(of(flipped)[0]).toBeCloseTo(red(15), 5);
      expect(of(flipped)[1]).toBeCloseTo(green(flip ? 22 : 9), 5);
    });
  });
});
