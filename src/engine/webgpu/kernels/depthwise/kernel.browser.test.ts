import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, test } from 'vitest';
import { sameOutput, samePadLow } from '../../../../core/network/index.ts';
import { vec4s } from '../../kernel.ts';
import { KernelBench, draws, noise, padChannels, relativeError, withZeroRegion } from '../../testing.ts';
import { sumGrid, sumParts } from '../sum-parts/kernel.ts';
import {
  depthwiseConv,
  depthwiseGradientGrid,
  depthwiseGrid,
  depthwiseInputGradient,
  depthwiseKernelGradient,
  splitDepthwise,
} from './kernel.ts';

const TOLERANCE = 1e-4;
/** Generated shapes of each stride. */
const SHAPES = 200;

await tf.setBackend('cpu');
const bench = await KernelBench.open();
afterAll(() => bench.dispose());

interface Problem {
  readonly about: string;
  readonly channels: number;
  readonly shape: Readonly<Record<(typeof DIMENSIONS)[number], number>>;
  /** Padded as the kernels hold them. */
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly dy: Float32Array;
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dw: Float32Array;
}
const DIMENSIONS = ['rows', 'outHeight', 'outWidth', 'inHeight', 'inWidth', 'vectors', 'padTop', 'padLeft'] as const;

/** Odd sizes, one pixel, one channel, widths off the four pixels of a thread; and what stock tfjs makes of them. */
function problems(stride: 1 | 2): readonly Problem[] {
  const draw = draws(stride);
  return Array.from({ length: SHAPES }, (_, i) => {
    const [images, height, width, channels] =
      i === 0 ? [1, 1, 1, 1] : [draw.small(1, 3), draw.small(1, 12), draw.small(1, 18), draw.small(1, 37)];
    const [outHeight, outWidth] = [sameOutput(height, stride), sameOutput(width, stride)];
    const x = noise(images * height * width * channels, i * 3);
    const w = noise(9 * channels, i * 3 + 1);
    const dy = noise(images * outHeight * outWidth * channels, i * 3 + 2);
    const pad = (values: ArrayLike<number>): Float32Array => padChannels(Float32Array.from(values), channels);
    return tf.tidy(() => {
      const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
        tf.depthwiseConv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, 'same');
      const tensors = [tf.tensor4d(x, [images, height, width, channels]), tf.tensor4d(w, [3, 3, channels, 1])];
      const [dx, dw] = tf.grads(convolve)(tensors, tf.tensor4d(dy, [images, outHeight, outWidth, channels]));
      const read = (tensor: tf.Tensor | undefined): Float32Array => pad(tensor?.dataSync() ?? []);
      const [a, b] = tensors as [tf.Tensor, tf.Tensor];
      return {
        about: JSON.stringify({ images, height, width, channels, stride }),
        channels,
        shape: {
          rows: images * outHeight,
          outHeight,
          outWidth,
          inHeight: height,
          inWidth: width,
          vectors: vec4s(channels),
          padTop: samePadLow(height, 3, stride),
          padLeft: samePadLow(width, 3, stride),
        },
        x: pad(x),
        w: pad(w),
        dy: pad(dy),
        y: read(convolve(a, b)),
        dx: read(dx),
        dw: read(dw),
      };
    });
  });
}

const unwritten = (length: number): Float32Array => new Float32Array(length).fill(NaN);
const near = (actual: Float32Array, expected: Float32Array, about: string): void =>
  expect(relativeError(actual, expected), about).toBeLessThan(TOLERANCE);
const plus = (values: Float32Array, more: Float32Array): Float32Array =>
  values.map((value, i) => value + (more[i] ?? NaN));

describe.each([1, 2] as const)('stride %i', (stride) => {
  const cases = problems(stride);

  test.each(['plain', 'accumulate'] as const)('forward equals tf.depthwiseConv2d, %s', async (epilogue) => {
    const batch = bench.batch();
    for (const { about, channels, shape, x, w, y } of cases) {
      const before = padChannels(noise((y.length / shape.vectors / 4) * channels, 7), channels);
      batch.add(
        depthwiseConv(stride, epilogue),
        {
          source: withZeroRegion(x),
          weights: w,
          perChannel: w,
          output: epilogue === 'accumulate' ? before : unwritten(y.length),
        },
        { ...shape, flip: 0, activation: 0 },
        depthwiseGrid(shape.rows, shape.outWidth, shape.vectors),
        ({ output }) => near(output, epilogue === 'accumulate' ? plus(y, before) : y, about),
      );
    }
    await batch.run();
  });

  test.each([
    ['nothing', 0, (value: number) => value],
    ['ReLU', 1, (value: number) => Math.max(value, 0)],
    ['ReLU6', 2, (value: number) => Math.min(Math.max(value, 0), 6)],
  ] as const)('forward with scale, shift and %s behind it', async (_name, activation, apply) => {
    const batch = bench.batch();
    for (const { about, channels, shape, x, w, y } of cases) {
      const width = shape.vectors * 4;
      const scale = padChannels(noise(channels, 8), channels).map((value) => value * 10);
      const shift = padChannels(noise(channels, 9), channels);
      const expected = y.map((value, i) => apply(value * (scale[i % width] ?? NaN) + (shift[i % width] ?? NaN)));
      batch.add(
        depthwiseConv(stride, 'folded'),
        {
          source: withZeroRegion(x),
          weights: w,
          perChannel: Float32Array.from([...scale, ...shift]),
          output: unwritten(y.length),
        },
        { ...shape, flip: 0, activation },
        depthwiseGrid(shape.rows, shape.outWidth, shape.vectors),
        ({ output }) => near(output, expected, about),
      );
    }
    await batch.run();
  });

  test.each(['plain', 'accumulate'] as const)(
    'input gradient equals that of tf.depthwiseConv2d, %s',
    async (epilogue) => {
      const accumulate = epilogue === 'accumulate';
      const batch = bench.batch();
      for (const { about, channels, shape, dy, w, dx } of cases) {
        const before = padChannels(noise((dx.length / shape.vectors / 4) * channels, 7), channels);
        const contents = {
          source: withZeroRegion(dy),
          weights: w,
          perChannel: w,
          output: accumulate ? before : unwritten(dx.length),
        };
        const rows = (shape.rows / shape.outHeight) * shape.inHeight;
        const reversed = {
          ...shape,
          rows,
          outHeight: shape.inHeight,
          outWidth: shape.inWidth,
          inHeight: shape.outHeight,
          inWidth: shape.outWidth,
        };
        const check = ({ output }: { readonly output: Float32Array }): void =>
          near(output, accumulate ? plus(dx, before) : dx, about);
        if (stride === 1) {
          const pads = { padTop: 2 - shape.padTop, padLeft: 2 - shape.padLeft };
          const grid = depthwiseGrid(rows, shape.inWidth, shape.vectors);
          batch.add(
            depthwiseConv(1, epilogue),
            contents,
            { ...reversed, ...pads, flip: 1, activation: 0 },
            grid,
            check,
          );
        } else {
          const grid = depthwiseGradientGrid(rows, shape.inWidth, shape.vectors);
          batch.add(depthwiseInputGradient(epilogue), contents, { ...reversed, flip: 0 }, grid, check);
        }
      }
      await batch.run();
    },
  );

  test.each([1, 200, 2_048])(
    'kernel gradient equals that of tf.depthwiseConv2d, in parts for %i threads',
    async (threads) => {
      const batch = bench.batch();
      for (const { about, channels, shape, x, dy, dw } of cases) {
        const split = splitDepthwise(shape.rows, shape.vectors, threads);
        const { parts } = split;
        const size = 9 * shape.vectors;
        batch.add(
          depthwiseKernelGradient(stride),
          { source: withZeroRegion(x), gradient: dy, partials: unwritten(parts * size * 4) },
          { ...shape, ...split },
          split.grid,
          ({ partials }) =>
            batch.add(
              sumParts(false),
              { partials, sums: unwritten(size * 4) },
              { size, parts },
              sumGrid(false, size),
              ({ sums }) => {
                near(sums, dw, about);
                // Padding must stay zero: momentum SGD would otherwise grow weights that do not exist.
                const padding = sums.filter((_, i) => i % (shape.vectors * 4) >= channels);
                expect(
                  padding.every((value) => value === 0),
                  about,
                ).toBe(true);
              },
            ),
        );
      }
      await batch.run();
    },
  );
});
