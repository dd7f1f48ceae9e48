import { expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { layerSizes, stridedLayers } from '../sparsity/index.ts';
import { intervalBits, networkBits, storedBits } from './index.ts';

const network = buildNetwork('convnet-micro');
const taps = Object.fromEntries(
  stridedLayers(network).map(({ id, inputs }) => [
    id,
    { stride: 3, offsets: Array.from({ length: inputs }, (_, c) => c % 3) },
  ]),
);
const bitsOf = (layer: string, sizes: ReturnType<typeof layerSizes>, bits?: number) => {
  const size = sizes.find((candidate) => candidate.layer === layer);
  return size && storedBits(size, bits);
};

test('a stride of nine and an offset below it for each source map', () => {
  expect(intervalBits({ taps: 9, stride: 2, maps: 64 })).toBe(4 + 64);
  expect(intervalBits({ taps: 9, stride: 3, maps: 64 })).toBe(4 + 128);
  expect(intervalBits({ taps: 25, stride: 5, maps: 10 })).toBe(5 + 30);
  // Every offset that a code can hold is told apart, and no shorter code would do.
  for (let stride = 2; stride <= 25; stride++) {
    const code = intervalBits({ taps: 1, stride, maps: 1 });
    expect(2 ** code).toBeGreaterThanOrEqual(stride);
    expect(2 ** (code - 1)).toBeLessThan(stride);
  }
});

test('dense, strided, and strided at 4 bits', () => {
  const [dense, strided] = [layerSizes(network, { channels: {} }), layerSizes(network, { channels: {}, taps })];
  expect(bitsOf('conv3', dense)).toEqual({
    layer: 'conv3',
    values: 2_304 * 32,
    intervals: 0,
    flags: 0,
    step: 0,
    total: 73_728,
  });
  expect(bitsOf('conv3', strided)).toMatchObject({ values: 768 * 32, intervals: 4 + 32, step: 0, total: 24_612 });
  expect(bitsOf('conv3', strided, 4)).toMatchObject({ values: 768 * 4, step: 32, total: 3_072 + 36 + 32 });
  expect(networkBits(dense)).toBe(32 * (216 + 1_152 + 2_304 + 4_608 + 320));
  const saved = 768 * 28 - 32;
  expect(networkBits(strided) - networkBits(strided, new Map([['conv3', 4]]))).toBe(saved);
});

test('a flag for each kernel, of the maps that are left', () => {
  const kernels = new Map([['conv3', Uint8Array.from({ length: 256 }, (_, unit) => unit % 2)]]);
  const sizes = layerSizes(network, { channels: {} }, kernels);
  expect(bitsOf('conv3', sizes)).toMatchObject({ values: 128 * 9 * 32, flags: 256, intervals: 0 });
  const thinner = layerSizes(network, { channels: { conv3: [1, 2, 3, 4] } }, kernels);
  expect(bitsOf('conv3', thinner)).toMatchObject({ values: 32 * 9 * 32, flags: 64 });
});
