import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sameOutput, samePadLow } from '../../../core/network/index.ts';
import { RANDOM4_WGSL, random4 } from '../../../core/random/random.ts';
import { assembleBatch } from '../../tfjs/batch.ts';
import { MAIN, defineKernel, elementwiseGrid, gridStride, vec4s } from '../kernel.ts';
import { KernelBench, noise, padChannels, relativeError, unpadChannels } from '../testing.ts';
import { assemble } from './assemble/kernel.ts';
import { addBias, biasGradient } from './bias/kernel.ts';
import { globalAverage, globalAverageGradient } from './global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './loss/kernel.ts';
import { maxPool, maxPoolGradient } from './max-pool/kernel.ts';
import { sgd } from './sgd/kernel.ts';

const TOLERANCE = 1e-4;

let bench: KernelBench;
beforeAll(async () => {
  await tf.setBackend('cpu');
  bench = await KernelBench.open();
});
afterAll(() => bench.dispose());

describe.each([
  { images: 1, height: 1, width: 1, channels: 1, size: 2, stride: 2 },
  { images: 2, height: 8, width: 8, channels: 6, size: 2, stride: 2 },
  { images: 2, height: 7, width: 5, channels: 3, size: 2, stride: 2 },
  { images: 3, height: 9, width: 8, channels: 4, size: 3, stride: 2 },
  { images: 1, height: 6, width: 7, channels: 9, size: 3, stride: 1 },
])('max pooling $size/$stride of $height x $width x $channels', ({ images, height, width, channels, size, stride }) => {
  const outHeight = sameOutput(height, stride);
  const outWidth = sameOutput(width, stride);
  const dims = {
    outHeight,
    outWidth,
    inHeight: height,
    inWidth: width,
    vectors: vec4s(channels),
    size,
    stride,
    padTop: samePadLow(height, size, stride),
    padLeft: samePadLow(width, size, stride),
  };
  // Rounded to a few values, so that windows hold ties: the first of equals must win, as in tfjs.
  const x = noise(images * height * width * channels, 1).map((value) => Math.round(value * 2) / 2);
  const dy = noise(images * outHeight * outWidth * channels, 2);

  test('forward and gradient equal tf.maxPool', async () => {
    const input = tf.tensor4d(x, [images, height, width, channels]);
    const pool = (a: tf.Tensor): tf.Tensor => tf.maxPool(a as tf.Tensor4D, size, stride, 'same');
    const expected = pool(input).dataSync();
    const expectedGradient = tf
      .grad(pool)(input, tf.tensor4d(dy, [images, outHeight, outWidth, channels]))
      .dataSync();
    const [inCount, outCount] = [
      images * height * width * vec4s(channels),
      images * outHeight * outWidth * vec4s(channels),
    ];
    const source = padChannels(x, channels);
    const { output } = await bench.run(
      maxPool,
      { source, output: new Float32Array(outCount * 4) },
      { ...dims, count: outCount, accumulate: 0 },
      elementwiseGrid(outCount),
    );
    expect(relativeError(unpadChannels(output, channels), expected)).toBe(0);
    const { sourceGradient } = await bench.run(
      maxPoolGradient,
      { source, output, gradient: padChannels(dy, channels), sourceGradient: new Float32Array(inCount * 4) },
      { ...dims, count: inCount, accumulate: 1 },
      elementwiseGrid(inCount),
    );
    expect(relativeError(unpadChannels(sourceGradient, channels), expectedGradient)).toBeLessThan(TOLERANCE);
  });
});

test('global average pooling and its gradient equal tf.mean', async () => {
  const [images, area, channels] = [3, 35, 7];
  const x = noise(images * area * channels, 1);
  const dy = noise(images * channels, 2);
  const mean = (a: tf.Tensor): tf.Tensor => a.mean([1]);
  const input = tf.tensor3d(x, [images, area, channels]);
  const shape = { images, area, vectors: vec4s(channels) };
  const { output } = await bench.run(
    globalAverage,
    { source: padChannels(x, channels), output: new Float32Array(images * 8) },
    shape,
    [1, 1, 1],
  );
  expect(relativeError(unpadChannels(output, channels), mean(input).dataSync())).toBeLessThan(TOLERANCE);
  const contents = { gradient: padChannels(dy, channels), sourceGradient: padChannels(x, channels) };
  const { sourceGradient } = await bench.run(globalAverageGradient, contents, { ...shape, accumulate: 1 }, [2, 1, 1]);
  const expected = tf
    .grad(mean)(input, tf.tensor2d(dy, [images, channels]))
    .add(input);
  expect(relativeError(unpadChannels(sourceGradient, channels), expected.dataSync())).toBeLessThan(TOLERANCE);
});

test('bias and its gradient', async () => {
  const [rows, channels] = [9, 10];
  const [x, bias] = [noise(rows * channels, 1), noise(channels, 2)];
  const padded = { bias: padChannels(bias, channels), values: padChannels(x, channels) };
  const { values } = await bench.run(addBias, padded, { size: rows * 3, vectors: 3 }, [1, 1, 1]);
  const input = tf.tensor2d(x, [rows, channels]);
  expect(relativeError(unpadChannels(values, channels), input.add(tf.tensor1d(bias)).dataSync())).toBeLessThan(
    TOLERANCE,
  );
  const { sums } = await bench.run(
    biasGradient,
    { gradient: padded.values, sums: new Float32Array(12) },
    { rows, vectors: 3 },
    [1, 1, 1],
  );
  expect(relativeError(unpadChannels(sums, channels), input.sum(0).dataSync())).toBeLessThan(TOLERANCE);
});

describe.each([0, 0.1])('softmax cross-entropy with label smoothing %d', (labelSmoothing) => {
  const [images, classes] = [7, 10];
  const logits = noise(images * classes, 3).map((value) => value * 30);
  const labels = Uint32Array.from({ length: images }, (_, i) => (i * 3) % classes);
  const run = (count: number) =>
    bench.run(
      softmaxCrossEntropy,
      {
        logits: padChannels(logits, classes),
        labels,
        outcome: new Float32Array(images * 2),
        gradient: new Float32Array(images * 12),
      },
      { images, classes, padded: 12 },
      [1, 1, 1],
      { labelSmoothing, count },
    );

  test('loss, hits and gradient equal stock tfjs', async () => {
    const oneHot = tf.oneHot(tf.tensor1d([...labels], 'int32'), classes);
    const loss = (a: tf.Tensor): tf.Tensor => tf.losses.softmaxCrossEntropy(oneHot, a, undefined, labelSmoothing);
    const input = tf.tensor2d(logits, [images, classes]);
    const { outcome, gradient } = await run(images);
    const { metrics } = await bench.run(sumOutcomes, { outcome, metrics: new Float32Array(8) }, { images }, [1, 1, 1], {
      count: images,
    });
    expect((metrics[0] ?? NaN) / images).toBeCloseTo(loss(input).dataSync()[0] ?? NaN, 4);
    expect(metrics[1]).toBe(
      input
        .argMax(1)
        .equal(tf.tensor1d([...labels], 'int32'))
        .sum()
        .dataSync()[0],
    );
    expect(relativeError(unpadChannels(gradient, classes), tf.grad(loss)(input).dataSync())).toBeLessThan(TOLERANCE);
  });

  test('images that do not exist count for nothing', async () => {
    const { outcome, gradient } = await run(4);
    expect(outcome.slice(8)).toEqual(new Float32Array(6));
    expect(gradient.slice(48)).toEqual(new Float32Array(36));
  });
});

test.each([false, true])('SGD with momentum equals tf.train.momentum, Nesterov: %s', async (nesterov) => {
  const size = 40;
  const [w, v, g] = [noise(size, 1), noise(size, 2), noise(size, 3)];
  const hyper = { learningRate: 0.05, momentum: 0.9, nesterov, weightDecay: 0.01 };
  const decayEnd = 5;
  const { parameters, velocity } = await bench.run(
    sgd,
    { gradient: g, parameters: w, velocity: v },
    { size: size / 4, decayEnd },
    [1, 1, 1],
    { hyper },
  );
  // tfjs knows no weight decay: it is added to the gradient. Its momentum starts at zero: one step of it makes v.
  const decayed = g.map((value, i) => value + (i < decayEnd * 4 ? 0.01 * (w[i] ?? 0) : 0));
  const variable = tf.variable(tf.tensor1d(w));
  const optimizer = tf.train.momentum(hyper.learningRate, hyper.momentum, nesterov);
  const apply = (gradient: Float32Array): void =>
    optimizer.applyGradients([{ name: variable.name, tensor: tf.tensor1d(gradient) }]);
  apply(v);
  variable.assign(tf.tensor1d(w));
  apply(decayed);
  expect(relativeError(parameters, variable.dataSync())).toBeLessThan(1e-6);
  expect(
    relativeError(
      velocity,
      v.map((value, i) => 0.9 * value + (decayed[i] ?? 0)),
    ),
  ).toBeLessThan(1e-6);
});

describe('batch assembly', () => {
  const bytes = Uint8Array.from({ length: 5 * 3_072 }, (_, i) => (i * 37 + (i >> 5) * 11) & 255);
  const indices = Uint32Array.from([4, 0, 3, 3, 1, 2]);
  const labels = Uint32Array.from([9, 8, 7, 6, 5]);

  test.each([
    { crop: false, flip: false },
    { crop: true, flip: false },
    { crop: true, flip: true },
  ])('crop $crop, flip $flip equals the plain TypeScript one', async (augment) => {
    const { activation, batchLabels } = await bench.run(
      assemble,
      {
        pixels: new Uint32Array(bytes.buffer),
        labels,
        indices,
        activation: new Float32Array(indices.length * 1_024 * 4),
        batchLabels: new Uint32Array(indices.length),
      },
      { images: indices.length, height: 32, width: 32 },
      elementwiseGrid(indices.length * 1_024),
      { seed: 4_000_000_000, step: 70_000, augment },
    );
    const expected = assembleBatch(bytes, indices, { ...augment, seed: 4_000_000_000, step: 70_000 });
    expect(relativeError(unpadChannels(activation, 3), expected)).toBeLessThan(1e-6);
    expect([...new Uint32Array(batchLabels.buffer)]).toEqual([5, 9, 6, 6, 8, 7]);
  });
});

test('the random generator gives the same integers in WGSL and in TypeScript', async () => {
  const count = 1_000;
  const kernel = defineKernel({
    label: 'random-test',
    buffers: { result: ['write', 'array<vec4u>'] },
    shape: ['seed'],
    body: `${RANDOM4_WGSL} ${MAIN} { ${gridStride('i', `${count}u`)} { result[i] = random4(shape.seed, 3u, i * 7919u, i); } }`,
  });
  const { result } = await bench.run(kernel, { result: new Uint32Array(count * 4) }, { seed: 123_456_789 }, [1, 1, 1]);
  const actual = new Uint32Array(result.buffer);
  const expected = Array.from({ length: count }, (_, i) =>
    random4(123_456_789, 'augment', Math.imul(i, 7_919) >>> 0, i),
  ).flat();
  expect([...actual]).toEqual(expected);
});
