import { expect, test } from 'vitest';
import { inOrder, kernelTiles, opaque } from './kernel-tiles.ts';

/** A 1x1 convolution of RGB with two outputs, HWIO: index (tap * 3 + colour) * 2 + channel. */
const KERNEL = Float32Array.from([0.3, -2, 0, 1, 0.4, 0]);

test('the weights of a channel are the colours of its tile, all tiles on one scale, zero as mid grey', () => {
  const { side, limit, tiles } = kernelTiles(KERNEL, { kernel: 1, filters: 2 }, [0]);
  expect({ side, limit }).toEqual({ side: 1, limit: 2 });
  // 128 + 127 w / 2.
  expect([...(tiles[0]?.rgba ?? [])]).toEqual([147, 128, 153, 255]);
  expect([...(tiles[1]?.rgba ?? [])]).toEqual([1, 192, 128, 255]);
});

test('a tile tells its norm, its range and whether its channel is pruned', () => {
  const { tiles } = kernelTiles(KERNEL, { kernel: 1, filters: 2 }, [0]);
  expect(tiles.map(({ channel, kept }) => [channel, kept])).toEqual([
    [0, true],
    [1, false],
  ]);
  expect(tiles[0]?.norm).toBeCloseTo(0.5, 6);
  expect(tiles[1]).toMatchObject({ norm: Math.sqrt(5), least: -2, most: 1 });
  expect(inOrder(tiles, 'norm').map(({ channel }) => channel)).toEqual([1, 0]);
  expect(inOrder(tiles, 'channel').map(({ channel }) => channel)).toEqual([0, 1]);
});

test('a 2x2 kernel lies row by row, and pruned taps are zeros whatever is stored there', () => {
  // One output: weight of (tap, colour) is its index.
  const kernel = Float32Array.from({ length: 12 }, (_, i) => i);
  const taps = { stride: 2, offsets: [0, 1, 0] };
  const { limit, tiles } = kernelTiles(kernel, { kernel: 2, filters: 1 }, [0], taps);
  // Red keeps taps 0 and 2 (weights 0 and 6), green 1 and 3 (4 and 10), blue 0 and 2 (2 and 8).
  expect(limit).toBe(10);
  const grey = (weight: number): number => Math.round(128 + 12.7 * weight);
  expect([...(tiles[0]?.rgba ?? [])]).toEqual(
    [
      [0, 0, 2],
      [0, 4, 0],
      [6, 0, 8],
      [0, 10, 0],
    ].flatMap((rgb) => [...rgb.map(grey), 255]),
  );
});

test('kernels of zeros are grey, and pixels stay opaque', () => {
  const { limit, tiles } = kernelTiles(new Float32Array(3), { kernel: 1, filters: 1 }, [0]);
  expect(limit).toBe(0);
  expect([...(tiles[0]?.rgba ?? [])]).toEqual([128, 128, 128, 255]);
  expect([...opaque([1, 2, 3, 4, 5, 6])]).toEqual([1, 2, 3, 255, 4, 5, 6, 255]);
});
