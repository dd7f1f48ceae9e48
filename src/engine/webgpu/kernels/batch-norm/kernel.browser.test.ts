import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { vec4s } from '../../kernel.ts';
import { KernelBench, noise, padChannels, relativeError, unpadChannels } from '../../testing.ts';
import {
  channelMoments,
  channelWalk,
  finishGradientMoments,
  finishMoments,
  gradientMoments,
  runningScale,
  scaleShift,
  scaleShiftGradient,
} from './kernel.ts';

const TOLERANCE = 1e-4;
const EPSILON = 1e-5;

let bench: KernelBench;
beforeAll(async () => {
  await tf.setBackend('cpu');
  bench = await KernelBench.open();
});
afterAll(() => bench.dispose());

/** Pixels by channels: one of each, odd counts, more pixels than a pass has threads. */
const CASES = [
  [1, 1],
  [3, 5],
  [77, 16],
  [1_024, 33],
  [2_500, 4],
] as const;

interface Norm {
  readonly x: Float32Array;
  readonly gamma: Float32Array;
  readonly beta: Float32Array;
  readonly residual: Float32Array;
  readonly dy: Float32Array;
}

const inputs = (pixels: number, channels: number): Norm => ({
  // A mean far from zero: variances by naive sums of squares would lose all digits.
  x: noise(pixels * channels, 1).map((value, i) => value + 30 * (i % channels)),
  gamma: noise(channels, 2).map((value) => value + 1.5),
  beta: noise(channels, 3),
  residual: noise(pixels * channels, 4),
  dy: noise(pixels * channels, 5),
});

/** What stock tfjs computes, gradients by its autodiff through the composition. */
function stock({ x, gamma, beta, residual, dy }: Norm, pixels: number, channels: number, add: boolean) {
  const normalise = (a: tf.Tensor, g: tf.Tensor, b: tf.Tensor, r: tf.Tensor): tf.Tensor => {
    const { mean, variance } = tf.moments(a, [0]);
    const y = a.sub(mean).mul(variance.add(EPSILON).rsqrt()).mul(g).add(b);
    // Without an addition the residual still takes part, as nothing: tf.grads wants every input used.
    return y.add(add ? r : r.mul(0)).relu();
  };
  const tensors = [
    tf.tensor2d(x, [pixels, channels]),
    tf.tensor1d(gamma),
    tf.tensor1d(beta),
    tf.tensor2d(residual, [pixels, channels]),
  ];
  const [a, g, b, r] = tensors as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const { mean, variance } = tf.moments(a, [0]);
  const gradients = tf.grads(normalise as (...args: tf.Tensor[]) => tf.Tensor)(
    tensors,
    tf.tensor2d(dy, [pixels, channels]),
  );
  const values = (tensor: tf.Tensor | undefined): Float32Array => Float32Array.from(tensor?.dataSync() ?? []);
  return {
    mean: values(mean),
    variance: values(variance),
    y: values(normalise(a, g, b, r)),
    dx: values(gradients[0]),
    dGamma: values(gradients[1]),
    dBeta: values(gradients[2]),
    dResidual: values(gradients[3]),
  };
}

describe.each(CASES)('batch norm over %i pixels and %i channels', (pixels, channels) => {
  const given = inputs(pixels, channels);
  const vectors = vec4s(channels);
  const parts = Math.min(pixels, 7);
  const pad = (values: Float32Array): Float32Array => padChannels(values, channels);
  const zeros = (rows: number): Float32Array => new Float32Array(rows * vectors * 4);

  const forward = async (add: boolean) => {
    const shape = { pixels, vectors, parts };
    const values = pad(given.x);
    const { partials } = await bench.run(channelMoments, { values, partials: zeros(parts * 2) }, shape, [2, 1, 1]);
    const finished = await bench.run(
      finishMoments,
      {
        values,
        partials,
        gamma: pad(given.gamma),
        beta: pad(given.beta),
        mean: zeros(1),
        variance: zeros(1),
        state: zeros(4),
      },
      shape,
      [1, 1, 1],
      { runningKeep: 0.9 },
    );
    const { apart, grid } = channelWalk(pixels, vectors);
    const { output } = await bench.run(
      scaleShift(add),
      { values, state: finished.state, added: pad(given.residual), output: zeros(pixels) },
      { pixels, vectors, apart, relu: 1 },
      grid,
    );
    return { ...finished, output };
  };

  test.each([false, true])('forward, with residual: %s', async (add) => {
    const expected = stock(given, pixels, channels, add);
    const { output, mean, variance } = await forward(add);
    expect(relativeError(unpadChannels(output, channels), expected.y)).toBeLessThan(TOLERANCE);
    // Running statistics start at zero here and keep 0.9.
    expect(
      relativeError(
        unpadChannels(mean, channels),
        expected.mean.map((value) => value * 0.1),
      ),
    ).toBeLessThan(TOLERANCE);
    expect(
      relativeError(
        unpadChannels(variance, channels),
        expected.variance.map((value) => value * 0.1),
      ),
    ).toBeLessThan(TOLERANCE);
  });

  test.each([false, true])('gradients, with residual: %s', async (add) => {
    const expected = stock(given, pixels, channels, add);
    const { state, output } = await forward(add);
    const common = { gradient: pad(given.dy), activation: output, values: pad(given.x), state };
    const relu = 1;
    const { partials } = await bench.run(
      gradientMoments,
      { ...common, partials: zeros(parts * 2) },
      { pixels, vectors, parts, relu },
      [1, 1, 1],
    );
    const sums = await bench.run(
      finishGradientMoments,
      { partials, gammaGradient: zeros(1), betaGradient: zeros(1), coefficients: zeros(2) },
      { pixels, vectors, parts },
      [1, 1, 1],
    );
    const { apart, grid } = channelWalk(pixels, vectors);
    const before = noise(pixels * channels, 6);
    const { valuesGradient, addedGradient } = await bench.run(
      scaleShiftGradient(add),
      { ...common, coefficients: sums.coefficients, valuesGradient: pad(before), addedGradient: pad(before) },
      { pixels, vectors, apart, relu, accumulate: 1, accumulateAdded: 1 },
      grid,
    );
    const plusBefore = (values: Float32Array): Float32Array => values.map((value, i) => value + (before[i] ?? 0));
    expect(relativeError(unpadChannels(sums.gammaGradient, channels), expected.dGamma)).toBeLessThan(TOLERANCE);
    expect(relativeError(unpadChannels(sums.betaGradient, channels), expected.dBeta)).toBeLessThan(TOLERANCE);
    expect(relativeError(unpadChannels(valuesGradient, channels), plusBefore(expected.dx))).toBeLessThan(TOLERANCE);
    if (add)
      expect(relativeError(unpadChannels(addedGradient, channels), plusBefore(expected.dResidual))).toBeLessThan(
        TOLERANCE,
      );
  });

  test('inference by running statistics equals tf.batchNorm', async () => {
    const mean = noise(channels, 7);
    const variance = noise(channels, 8).map((value) => value + 1.2);
    const { state } = await bench.run(
      runningScale,
      { gamma: pad(given.gamma), beta: pad(given.beta), mean: pad(mean), variance: pad(variance), state: zeros(4) },
      { vectors },
      [1, 1, 1],
    );
    const { apart, grid } = channelWalk(pixels, vectors);
    const { output } = await bench.run(
      scaleShift(false),
      { values: pad(given.residual), state, added: zeros(pixels), output: zeros(pixels) },
      { pixels, vectors, apart, relu: 0 },
      grid,
    );
    const shape: [number, number, number, number] = [1, 1, pixels, channels];
    const expected = tf.batchNorm(
      tf.tensor4d(given.residual, shape),
      tf.tensor1d(mean),
      tf.tensor1d(variance),
      tf.tensor1d(given.beta),
      tf.tensor1d(given.gamma),
      EPSILON,
    );
    expect(relativeError(unpadChannels(output, channels), expected.dataSync())).toBeLessThan(TOLERANCE);
  });
});

test('a request for gradients leaves the running statistics as they are', async () => {
  const contents = {
    values: noise(8, 1),
    partials: noise(16, 2),
    gamma: noise(4, 3),
    beta: noise(4, 4),
    mean: noise(4, 5),
    variance: noise(4, 6),
    state: new Float32Array(16),
  };
  const { mean, variance } = await bench.run(finishMoments, contents, { pixels: 2, vectors: 1, parts: 2 }, [1, 1, 1], {
    runningKeep: 1,
  });
  expect([...mean]).toEqual([...contents.mean]);
  expect([...variance]).toEqual([...contents.variance]);
});
