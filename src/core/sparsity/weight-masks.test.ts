import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TapPattern } from '../network/taps.ts';
import { kernelMask, loweredSize, rowTable, snapOffsets, stridedMask, unconstrainedMask } from './index.ts';

/** The layer of strided.md 11.1: weights by (d, c, tap), and two 4x4 inputs. */
const layer = { inputs: 2, outputs: 2, taps: 9, positions: 4 };
const kernels = [
  [
    [1, 2, 3, 4, 5, 6, 7, 8, 9],
    [9, 8, 7, 6, 5, 4, 3, 2, 1],
  ],
  [
    [1, -1, 1, -1, 1, -1, 1, -1, 1],
    [2, 0, 1, -2, 3, 1, 0, -1, 2],
  ],
];
const weights = Float32Array.from({ length: 36 }, (_, i) => kernels[i % 2]?.[(i >> 1) % 2]?.[i >> 2] ?? 0);
const images = [Array.from({ length: 16 }, (_, i) => i + 1), Array.from({ length: 16 }, (_, i) => (i % 3) - 1)];
/** What tap t of source map c reads at each of the four output positions. */
const row = (c: number, tap: number): number[] =>
  [0, 1, 4, 5].map((corner) => images[c]?.[corner + Math.floor(tap / 3) * 4 + (tap % 3)] ?? 0);

/** Dense convolution with masked weights, position after position. */
const masked = (mask: Float32Array): number[][] =>
  [0, 1].map((d) => {
    const sums = [0, 0, 0, 0];
    for (let i = d; i < 36; i += 2) {
      const read = row((i >> 1) % 2, i >> 2);
      sums.forEach((sum, p) => (sums[p] = sum + (weights[i] ?? 0) * (mask[i] ?? 0) * (read[p] ?? 0)));
    }
    return sums;
  });

describe('worked example 11.1', () => {
  const pattern: TapPattern = { stride: 2, offsets: [1, 0] };
  test('masked and compact products agree with the digest, and so do the sizes', () => {
    const table = rowTable(pattern, 9);
    const compact = [0, 1].map((d) => table.map(({ channel, tap }) => weights[(tap * 2 + channel) * 2 + d] ?? 0));
    expect(compact).toEqual([
      [2, 4, 6, 8, 9, 7, 5, 3, 1],
      [-1, -1, -1, -1, 2, 1, 3, 0, 2],
    ]);
    const products = compact.map((line) =>
      [0, 1, 2, 3].map((p) =>
        table.reduce((sum, { channel, tap }, i) => sum + (line[i] ?? 0) * (row(channel, tap)[p] ?? 0), 0),
      ),
    );
    expect(products).toEqual([
      [152, 152, 212, 254],
      [-22, -30, -42, -44],
    ]);
    const mask = stridedMask(layer, pattern);
    expect(masked(mask)).toEqual(products);
    expect(loweredSize(layer, mask)).toEqual({ outputs: 2, rows: 9, positions: 4, macs: 72 });
  });
  test('dense', () => {
    const mask = stridedMask(layer, { stride: 1, offsets: [0, 0] });
    expect(masked(mask)).toEqual([
      [348, 393, 528, 573],
      [8, 3, 6, 13],
    ]);
    expect(loweredSize(layer, mask)).toEqual({ outputs: 2, rows: 18, positions: 4, macs: 144 });
  });
  test('without the constraint as many weights are left, but all rows', () => {
    // By (c, d): d = 0 has offsets 1, 0 and d = 1 has 0, 1.
    const mask = unconstrainedMask(layer, { stride: 2, offsets: [1, 0, 0, 1] });
    expect(mask.reduce((sum, bit) => sum + bit, 0)).toBe(18);
    expect(loweredSize(layer, mask).rows).toBe(18);
    expect(masked(mask)).toEqual([
      [152, 152, 212, 254],
      [30, 33, 48, 57],
    ]);
  });
  test('the offsets that magnitude picks', () => {
    expect(snapOffsets(layer, weights, 2)).toEqual({ stride: 2, offsets: [0, 0] });
    expect(snapOffsets(layer, weights, 3)).toEqual({ stride: 3, offsets: [2, 0] });
  });
});

test.each([
  ['dense', 1, () => 0, 576, 18_874_368],
  ['half the maps at 1', 2, (c: number) => c % 2, 288, 9_437_184],
  ['all at 1', 2, () => 1, 256, 8_388_608],
  ['stride 3', 3, (c: number) => (c * 7) % 3, 192, 6_291_456],
])('worked example 11.2: %s', (_, stride, offset, rows, macs) => {
  const big = { inputs: 64, outputs: 128, taps: 9, positions: 256 };
  const mask = stridedMask(big, { stride, offsets: Array.from({ length: 64 }, (__, c) => offset(c)) });
  expect(loweredSize(big, mask)).toEqual({ outputs: 128, rows, positions: 256, macs });
  expect(loweredSize(big, mask, 3)).toMatchObject({ rows, positions: 768, macs: 3 * macs });
});

const anyLayer = fc.record({
  inputs: fc.integer({ min: 1, max: 5 }),
  outputs: fc.integer({ min: 1, max: 5 }),
  taps: fc.constantFrom(1, 4, 9, 25),
  positions: fc.integer({ min: 1, max: 20 }),
});

test('under the constraint rows are the sum of kept taps, the same for every output map (properties 3 and 6)', () => {
  fc.assert(
    fc.property(anyLayer, fc.nat(), fc.nat(), (shape, s, seed) => {
      const stride = 1 + (s % shape.taps);
      const offsets = Array.from({ length: shape.inputs }, (_, c) => (seed + 3 * c) % stride);
      const mask = stridedMask(shape, { stride, offsets });
      mask.forEach((bit, i) => expect(bit).toBe(mask[i - (i % shape.outputs)]));
      const { rows } = loweredSize(shape, mask);
      expect(rows).toBe(offsets.reduce((sum, offset) => sum + Math.ceil((shape.taps - offset) / stride), 0));
      if (shape.taps % stride === 0) expect(rows).toBe((shape.inputs * shape.taps) / stride);
    }),
  );
});

test('kernel masks leave all rows but those of source maps without a kernel (property 13)', () => {
  fc.assert(
    fc.property(anyLayer, fc.infiniteStream(fc.constantFrom(0, 1)), (shape, stream) => {
      const bits = Array.from({ length: shape.inputs * shape.outputs }, () => Number(stream.next().value));
      const mask = kernelMask(shape, bits);
      expect(mask.reduce((sum, bit) => sum + bit, 0)).toBe(shape.taps * bits.reduce((sum, bit) => sum + bit, 0));
      let used = 0;
      for (let c = 0; c < shape.inputs; c++) {
        if (bits.slice(c * shape.outputs, (c + 1) * shape.outputs).includes(1)) used++;
      }
      expect(loweredSize(shape, mask).rows).toBe(used * shape.taps);
    }),
  );
});
