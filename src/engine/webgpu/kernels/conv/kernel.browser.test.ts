import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sameOutput, samePadLow } from '../../../../core/network/index.ts';
import { vec4s } from '../../kernel.ts';
import {
  type ConvCase,
  KernelBench,
  convCases,
  noise,
  padChannels,
  padKernel,
  relativeError,
  unpadChannels,
  unpadKernel,
  withZeroRegion,
} from '../../testing.ts';
import { convInputGradient, inputGradientGrid } from '../conv-input-gradient/kernel.ts';
import { convKernelGradient, kernelGradientGrid, splitRows, sumParts } from '../conv-kernel-gradient/kernel.ts';
import { transposeKernel } from '../transpose-kernel/kernel.ts';
import { type Tile, conv3x3, convForward, convGrid } from './kernel.ts';

/** Single kernels differ from stock tfjs by rounding only: sums of at most a few thousand products. */
const TOLERANCE = 1e-4;

const TILES: readonly Tile[] = [
  { pixels: 8, vectors: 4, quads: true },
  { pixels: 8, vectors: 2, quads: true },
  { pixels: 8, vectors: 1, quads: true },
  { pixels: 4, vectors: 2, quads: true },
  { pixels: 4, vectors: 2, quads: false },
  { pixels: 8, vectors: 4, quads: false },
];

interface Problem {
  readonly shape: ConvCase;
  readonly kernelShape: [number, number, number, number];
  readonly outHeight: number;
  readonly outWidth: number;
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly dy: Float32Array;
  /** What stock tfjs computes. */
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dw: Float32Array;
}

function problem(shape: ConvCase, seed: number): Problem {
  const { images, input, outputs, kernel, stride } = shape;
  const [height, width, channels] = input;
  const outHeight = sameOutput(height, stride);
  const outWidth = sameOutput(width, stride);
  const kernelShape: [number, number, number, number] = [kernel, kernel, channels, outputs];
  const x = noise(images * height * width * channels, seed);
  const w = noise(kernel * kernel * channels * outputs, seed + 1);
  const dy = noise(images * outHeight * outWidth * outputs, seed + 2);
  const stock = tf.tidy(() => {
    const xs = tf.tensor4d(x, [images, height, width, channels]);
    const ws = tf.tensor4d(w, kernelShape);
    const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, stride, 'same');
    const y = convolve(xs, ws);
    const [dx, dw] = tf.grads(convolve)([xs, ws], tf.tensor4d(dy, [images, outHeight, outWidth, outputs]));
    const values = (tensor: tf.Tensor | undefined): Float32Array => Float32Array.from(tensor?.dataSync() ?? []);
    return { y: [...values(y)], dx: [...values(dx)], dw: [...values(dw)] };
  });
  const { y, dx, dw } = stock;
  return {
    shape,
    kernelShape,
    outHeight,
    outWidth,
    x,
    w,
    dy,
    y: Float32Array.from(y),
    dx: Float32Array.from(dx),
    dw: Float32Array.from(dw),
  };
}

const padsOf = ({ input, kernel, stride }: ConvCase): { padTop: number; padLeft: number } => ({
  padTop: samePadLow(input[0], kernel, stride),
  padLeft: samePadLow(input[1], kernel, stride),
});

let bench: KernelBench;
beforeAll(async () => {
  await tf.setBackend('cpu');
  bench = await KernelBench.open();
});
afterAll(() => bench.dispose());

describe.each(TILES)('tile $pixels x $vectors vec4, quads $quads', (tile) => {
  const problems = convCases(10, tile.pixels * 10 + tile.vectors + Number(tile.quads)).map((shape, i) =>
    problem(shape, i * 3),
  );

  test('forward equals tf.conv2d', async () => {
    for (const { shape, kernelShape, outHeight, outWidth, x, w, y } of problems) {
      const { images, input, outputs, kernel, stride } = shape;
      const kernels = [convForward(tile), ...(kernel === 3 && stride === 1 ? [conv3x3(tile)] : [])];
      for (const candidate of kernels) {
        const rows = images * outHeight;
        const { output } = await bench.run(
          candidate,
          {
            source: withZeroRegion(padChannels(x, input[2])),
            weights: padKernel(w, kernelShape),
            output: padChannels(new Float32Array(y.length).fill(NaN), outputs),
          },
          {
            rows,
            outHeight,
            outWidth,
            outVectors: vec4s(outputs),
            inHeight: input[0],
            inWidth: input[1],
            inVectors: vec4s(input[2]),
            kernel,
            stride,
            ...padsOf(shape),
            accumulate: 0,
          },
          convGrid(tile, rows, outWidth, vec4s(outputs)),
        );
        expect(relativeError(unpadChannels(output, outputs), y), JSON.stringify(shape)).toBeLessThan(TOLERANCE);
      }
    }
  });

  test('input gradient equals the gradient of tf.conv2d, written or added', async () => {
    for (const { shape, kernelShape, outHeight, outWidth, dy, w, dx } of problems) {
      const { images, input, outputs, kernel, stride } = shape;
      const [height, width, channels] = input;
      const taps = kernel * kernel;
      const { transposed } = await bench.run(
        transposeKernel,
        {
          weights: padKernel(w, kernelShape),
          transposed: new Float32Array(taps * vec4s(outputs) * 4 * vec4s(channels) * 4),
        },
        { taps, inVectors: vec4s(channels), outVectors: vec4s(outputs), flip: Number(stride === 1) },
        [4, 1, 1],
      );
      const rows = images * height;
      const before = noise(dx.length, 9);
      const contents = {
        source: withZeroRegion(padChannels(dy, outputs)),
        weights: transposed,
        output: padChannels(before, channels),
      };
      const dims = {
        rows,
        outHeight: height,
        outWidth: width,
        outVectors: vec4s(channels),
        inHeight: outHeight,
        inWidth: outWidth,
        inVectors: vec4s(outputs),
        kernel,
        stride,
      };
      const { padTop, padLeft } = padsOf(shape);
      const flipped = { padTop: kernel - 1 - padTop, padLeft: kernel - 1 - padLeft };
      for (const accumulate of [0, 1]) {
        const { output } =
          stride === 1
            ? await bench.run(
                kernel === 3 ? conv3x3(tile) : convForward(tile),
                contents,
                { ...dims, ...flipped, accumulate },
                convGrid(tile, rows, width, vec4s(channels)),
              )
            : await bench.run(
                convInputGradient(tile),
                contents,
                { ...dims, padTop, padLeft, accumulate },
                inputGradientGrid(tile, { ...dims, images }),
              );
        const expected = accumulate ? dx.map((value, i) => value + (before[i] ?? 0)) : dx;
        expect(relativeError(unpadChannels(output, channels), expected), JSON.stringify(shape)).toBeLessThan(TOLERANCE);
      }
    }
  });

  test('kernel gradient equals the gradient of tf.conv2d, however the rows are split', async () => {
    for (const { shape, kernelShape, outHeight, outWidth, x, dy, dw } of problems) {
      const { images, input, outputs, kernel, stride } = shape;
      const slides = kernel === 3 && stride === 1 ? [false, true] : [false];
      for (const slide of slides) {
        for (const threads of [1, 300]) {
          const gradientTile = { taps: kernel, vectors: tile.vectors, slide, quads: tile.quads };
          const [inVectors, outVectors] = [vec4s(input[2]), vec4s(outputs)];
          const rows = images * outHeight;
          const split = splitRows(rows, { kernel, inVectors, outVectors, vectors: tile.vectors }, threads);
          const size = kernel * kernel * inVectors * 4 * outVectors;
          const { partials } = await bench.run(
            convKernelGradient(gradientTile),
            {
              source: withZeroRegion(padChannels(x, input[2])),
              gradient: withZeroRegion(padChannels(dy, outputs)),
              partials: new Float32Array(split.parts * size * 4).fill(NaN),
            },
            {
              rows,
              rowsPerPart: split.rowsPerPart,
              lanes: split.lanes,
              outHeight,
              outWidth,
              outVectors,
              inHeight: input[0],
              inWidth: input[1],
              inVectors,
              kernel,
              stride,
              ...padsOf(shape),
            },
            kernelGradientGrid(split, outVectors, tile.vectors),
          );
          const summed = { partials, sums: new Float32Array(size * 4) };
          const { sums } = await bench.run(sumParts, summed, { size, parts: split.parts }, [1, 1, 1]);
          expect(
            relativeError(unpadKernel(sums, kernelShape), dw),
            JSON.stringify({ shape, slide, threads }),
          ).toBeLessThan(TOLERANCE);
          // Padding must stay zero: momentum SGD would otherwise grow weights that do not exist.
          expect(relativeError(padKernel(unpadKernel(sums, kernelShape), kernelShape), sums)).toBeLessThan(1e-12);
        }
      }
    }
  });
});
