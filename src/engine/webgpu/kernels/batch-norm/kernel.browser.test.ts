import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, test } from 'vitest';
import { vec4s } from '../../kernel.ts';
import { KernelBench, noise, padChannels, relativeError, unpadChannels } from '../../testing.ts';
import {
  channelMoments,
  channelWalk,
  finishGradientMoments,
  finishGrid,
  finishMoments,
  gateScale,
  gradientMoments,
  runningScale,
  scaleShift,
  scaleShiftGradient,
} from './kernel.ts';

const TOLERANCE = 1e-4;
const EPSILON = 1e-5;

await tf.setBackend('cpu');
const bench = await KernelBench.open();
afterAll(() => bench.dispose());

/** Sums over work-group memory must never reach a software adapter. */
const WIDES = bench.software ? [false] : [false, true];

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
  /** Running statistics. */
  readonly mean: Float32Array;
  readonly variance: Float32Array;
}

const inputs = (pixels: number, channels: number): Norm => ({
  // A mean far from zero: variances by naive sums of squares would lose all digits.
  x: noise(pixels * channels, 1).map((value, i) => value + 30 * ((i % channels) % 4)),
  // Large enough that ReLU6 cuts off.
  gamma: noise(channels, 2).map((value) => 4 * value + 6),
  beta: noise(channels, 3),
  residual: noise(pixels * channels, 4),
  dy: noise(pixels * channels, 5),
  // Not far from the batch's, as after a few steps.
  mean: noise(channels, 7).map((value, i) => value + 30 * (i % 4)),
  variance: noise(channels, 8).map((value) => value + 1.2),
});

/** None, ReLU, ReLU6. */
const ACTIVATIONS = [(a: tf.Tensor) => a, (a: tf.Tensor) => a.relu(), (a: tf.Tensor) => a.clipByValue(0, 6)] as const;

/** How a norm is run. */
interface Form {
  readonly add: boolean;
  readonly activation: 0 | 1 | 2;
  /** Statistics are the running ones, held constant. */
  readonly constant: boolean;
  readonly wide: boolean;
}

const FORMS: readonly Form[] = WIDES.flatMap((wide) =>
  [false, true].flatMap((constant) =>
    [false, true].flatMap((add) => ([0, 1, 2] as const).map((activation) => ({ add, activation, constant, wide }))),
  ),
);

/** What stock tfjs computes, gradients by its autodiff through the composition. */
function stock(given: Norm, pixels: number, channels: number, { add, activation, constant }: Form) {
  return tf.tidy(() => {
    const statistics = (a: tf.Tensor): { mean: tf.Tensor; variance: tf.Tensor } =>
      constant ? { mean: tf.tensor1d(given.mean), variance: tf.tensor1d(given.variance) } : tf.moments(a, [0]);
    const normalise = (a: tf.Tensor, g: tf.Tensor, b: tf.Tensor, r: tf.Tensor): tf.Tensor => {
      const { mean, variance } = statistics(a);
      const y = a.sub(mean).mul(variance.add(EPSILON).rsqrt()).mul(g).add(b);
      // Without an addition the residual still takes part, as nothing: tf.grads wants every input used.
      return ACTIVATIONS[activation](y.add(add ? r : r.mul(0)));
    };
    const tensors = [
      tf.tensor2d(given.x, [pixels, channels]),
      tf.tensor1d(given.gamma),
      tf.tensor1d(given.beta),
      tf.tensor2d(given.residual, [pixels, channels]),
    ];
    const [a, g, b, r] = tensors as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const { mean, variance } = statistics(a);
    const gradients = tf.grads(normalise as (...args: tf.Tensor[]) => tf.Tensor)(
      tensors,
      tf.tensor2d(given.dy, [pixels, channels]),
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
  });
}

describe.each(CASES)('batch norm over %i pixels and %i channels', (pixels, channels) => {
  const given = inputs(pixels, channels);
  const vectors = vec4s(channels);
  const parts = Math.min(pixels, 7);
  const pad = (values: Float32Array): Float32Array => padChannels(values, channels);
  const unpad = (values: Float32Array): Float32Array => unpadChannels(values, channels);
  const unwritten = (rows: number): Float32Array => new Float32Array(rows * vectors * 4).fill(NaN);
  const near = (actual: Float32Array, expected: ArrayLike<number>, what: string): void =>
    expect(relativeError(unpad(actual), expected), what).toBeLessThan(TOLERANCE);
  const parameters = {
    gamma: pad(given.gamma),
    beta: pad(given.beta),
    mean: pad(given.mean),
    variance: pad(given.variance),
  };

  /** The state, and the running statistics afterwards. */
  const stateOf = async ({ constant, wide }: Form) => {
    if (constant) {
      const contents = { ...parameters, state: unwritten(4) };
      return bench.run(runningScale, contents, { vectors }, [1, 1, 1]);
    }
    const shape = { pixels, vectors, parts };
    const values = pad(given.x);
    const contents = { values, pivots: parameters.mean, partials: unwritten(parts * 2) };
    const { partials } = await bench.run(channelMoments, contents, shape, [2, 1, 1]);
    return bench.run(
      finishMoments(wide),
      { ...parameters, partials, state: unwritten(4) },
      { ...shape, tail: vectors, tailParts: 0 },
      finishGrid(wide, vectors),
      { runningKeep: 0.9 },
    );
  };
  const forward = async (form: Form) => {
    const found = await stateOf(form);
    const { apart, grid } = channelWalk(pixels, vectors, 4);
    const { output } = await bench.run(
      scaleShift(form.add),
      { values: pad(given.x), state: found.state, added: pad(given.residual), output: unwritten(pixels) },
      { pixels, vectors, apart, activation: form.activation },
      grid,
    );
    return { ...found, output };
  };

  test.each(FORMS)(
    'forward: residual $add, activation $activation, constant statistics $constant, wide $wide',
    async (form) => {
      const expected = stock(given, pixels, channels, form);
      const { output, mean, variance } = await forward(form);
      near(output, expected.y, 'output');
      const kept = (before: Float32Array, after: Float32Array): Float32Array =>
        form.constant ? before : before.map((value, i) => value * 0.9 + (after[i] ?? NaN) * 0.1);
      near(mean, kept(given.mean, expected.mean), 'running mean');
      near(variance, kept(given.variance, expected.variance), 'running variance');
    },
  );

  test.each(FORMS)(
    'gradients: residual $add, activation $activation, constant statistics $constant, wide $wide',
    async (form) => {
      const { add, activation, constant, wide } = form;
      // Where rounding decides whether the activation function lets a gradient through, there is none.
      const { y } = stock(given, pixels, channels, { ...form, activation: 0 });
      const bend = (value: number): boolean => Math.min(Math.abs(value), Math.abs(value - 6)) < 0.01;
      const dy = given.dy.map((value, i) => (bend(y[i] ?? 0) ? 0 : value));
      const expected = stock({ ...given, dy }, pixels, channels, form);
      const { state, output } = await forward(form);
      const common = { gradient: pad(dy), activation: output, values: pad(given.x), state };
      const { partials } = await bench.run(
        gradientMoments(add),
        { ...common, partials: unwritten(parts * 2) },
        { pixels, vectors, parts, activation },
        [1, 1, 1],
      );
      const sums = await bench.run(
        finishGradientMoments(wide),
        { partials, gammaGradient: unwritten(1), betaGradient: unwritten(1), coefficients: unwritten(2) },
        { pixels, vectors, parts, constant: Number(constant) },
        finishGrid(wide, vectors),
      );
      const { apart, grid } = channelWalk(pixels, vectors, 4);
      const before = noise(pixels * channels, 6);
      const plusBefore = (values: Float32Array): Float32Array => values.map((value, i) => value + (before[i] ?? 0));
      near(sums.gammaGradient, expected.dGamma, 'gamma');
      near(sums.betaGradient, expected.dBeta, 'beta');
      for (const accumulate of [0, 1]) {
        const target = accumulate ? pad(before) : unwritten(pixels);
        const { valuesGradient, addedGradient } = await bench.run(
          scaleShiftGradient(add, { values: accumulate === 1, added: accumulate === 1 }),
          { ...common, coefficients: sums.coefficients, valuesGradient: target, addedGradient: target.slice() },
          { pixels, vectors, apart, activation },
          grid,
        );
        near(valuesGradient, accumulate ? plusBefore(expected.dx) : expected.dx, 'values');
        if (add) near(addedGradient, accumulate ? plusBefore(expected.dResidual) : expected.dResidual, 'residual');
      }
    },
  );

  test('inference by running statistics equals tf.batchNorm', async () => {
    const { state } = await stateOf({ add: false, activation: 0, constant: true, wide: false });
    const { apart, grid } = channelWalk(pixels, vectors, 4);
    const { output } = await bench.run(
      scaleShift(false),
      { values: pad(given.residual), state, added: unwritten(pixels), output: unwritten(pixels) },
      { pixels, vectors, apart, activation: 0 },
      grid,
    );
    const shape: [number, number, number, number] = [1, 1, pixels, channels];
    const expected = tf.batchNorm(
      tf.tensor4d(given.residual, shape),
      tf.tensor1d(given.mean),
      tf.tensor1d(given.variance),
      tf.tensor1d(given.beta),
      tf.tensor1d(given.gamma),
      EPSILON,
    );
    near(output, expected.dataSync(), 'output');
  });

  test('a gate scales by its numbers', async () => {
    const { state } = await bench.run(
      gateScale,
      { gate: parameters.gamma, state: unwritten(4) },
      { vectors },
      [1, 1, 1],
    );
    const rows = Array.from({ length: 4 }, (_, row) => [...state.subarray(row * vectors * 4, (row + 1) * vectors * 4)]);
    const all = (value: number): number[] => Array.from({ length: vectors * 4 }, () => value);
    // Scale, shift, mean, 1/deviation.
    expect(rows).toEqual([[...parameters.gamma], all(0), all(0), all(1)]);
  });
});

test.each(WIDES)('a request for gradients leaves the running statistics as they are, wide %s', async (wide) => {
  const contents = {
    partials: noise(16, 2),
    gamma: noise(4, 3),
    beta: noise(4, 4),
    mean: noise(4, 5),
    variance: noise(4, 6),
    state: new Float32Array(16),
  };
  const shape = { pixels: 2, vectors: 1, parts: 2, tail: 1, tailParts: 0 };
  const { mean, variance } = await bench.run(finishMoments(wide), contents, shape, [1, 1, 1], { runningKeep: 1 });
  expect([...mean]).toEqual([...contents.mean]);
  expect([...variance]).toEqual([...contents.variance]);
});
