import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, test } from 'vitest';
import { sameOutput, samePadLow } from '../../../core/network/index.ts';
import { RANDOM4_WGSL, random4 } from '../../../core/random/random.ts';
import { assembleBatch } from '../../tfjs/batch.ts';
import { MAIN, defineKernel, elementwiseGrid, gridNext, gridStride, vec4s } from '../kernel.ts';
import { KernelBench, draws, noise, padChannels, relativeError, unpadChannels } from '../testing.ts';
import { assemble } from './assemble/kernel.ts';
import { averagePool, averagePoolGradient } from './average-pool/kernel.ts';
import { addBias, biasGradient } from './bias/kernel.ts';
import { globalAverage, globalAverageGradient } from './global-average/kernel.ts';
import { softmaxCrossEntropy, sumOutcomes } from './loss/kernel.ts';
import { maxPool, maxPoolGradient, poolSquares } from './max-pool/kernel.ts';
import { MAXIMA, MAXIMA_GRID, largestParts, rescale, rescaleFactor } from './rescale/kernel.ts';
import { sgd } from './sgd/kernel.ts';
import { sumGrid, sumParts } from './sum-parts/kernel.ts';
import { transposeGrid, transposeKernels, transposedSize, transpositionTable } from './transpose-kernel/kernel.ts';

const TOLERANCE = 1e-4;

await tf.setBackend('cpu');
const bench = await KernelBench.open();
afterAll(() => bench.dispose());

/** Windows of a pooling layer, `same` padding. */
interface Pool {
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly size: number;
  readonly stride: number;
}

const poolDraw = draws(12);
const POOLS: readonly Pool[] = [
  { images: 1, height: 1, width: 1, channels: 1, size: 2, stride: 2 },
  { images: 2, height: 8, width: 8, channels: 6, size: 2, stride: 2 },
  { images: 2, height: 7, width: 5, channels: 3, size: 2, stride: 2 },
  // Windows that overlap.
  { images: 3, height: 9, width: 8, channels: 4, size: 3, stride: 2 },
  { images: 2, height: 16, width: 13, channels: 5, size: 3, stride: 2 },
  { images: 1, height: 6, width: 7, channels: 9, size: 3, stride: 1 },
  ...Array.from({ length: 200 }, () => ({
    images: poolDraw.small(1, 3),
    height: poolDraw.small(1, 12),
    width: poolDraw.small(1, 12),
    channels: poolDraw.small(1, 11),
    size: poolDraw.whole(1, 4),
    stride: poolDraw.whole(1, 3),
  })),
];

function poolShape({ images, height, width, channels, size, stride }: Pool) {
  const [outHeight, outWidth] = [sameOutput(height, stride), sameOutput(width, stride)];
  const vectors = vec4s(channels);
  return {
    dims: {
      outHeight,
      outWidth,
      inHeight: height,
      inWidth: width,
      vectors,
      size,
      stride,
      padTop: samePadLow(height, size, stride),
      padLeft: samePadLow(width, size, stride),
    },
    inCount: images * height * width * vectors,
    outCount: images * outHeight * outWidth * vectors,
  };
}

const unwritten = (vectors: number): Float32Array => new Float32Array(vectors * 4).fill(NaN);

test.each([false, true])('max pooling and its gradient equal tf.maxPool, accumulate %s', async (accumulate) => {
  const batch = bench.batch();
  for (const pool of POOLS) {
    const { images, height, width, channels, size, stride } = pool;
    const { dims, inCount, outCount } = poolShape(pool);
    // Rounded to a few values, so that windows hold ties: the first of equals must win, as in tfjs.
    const x = noise(images * height * width * channels, 1).map((value) => Math.round(value * 2) / 2);
    const dy = noise(images * dims.outHeight * dims.outWidth * channels, 2);
    const before = noise(x.length, 3);
    const expected = tf.tidy(() => {
      const input = tf.tensor4d(x, [images, height, width, channels]);
      const maximum = (a: tf.Tensor): tf.Tensor => tf.maxPool(a as tf.Tensor4D, size, stride, 'same');
      const gradient = tf.grad(maximum)(input, tf.tensor4d(dy, [images, dims.outHeight, dims.outWidth, channels]));
      return { y: Float32Array.from(maximum(input).dataSync()), dx: Float32Array.from(gradient.dataSync()) };
    });
    const dx = expected.dx.map((value, i) => value + (accumulate ? (before[i] ?? NaN) : 0));
    const squares = images * poolSquares(pool, dims) * dims.vectors;
    batch.add(
      maxPool(pool),
      { source: padChannels(x, channels), output: unwritten(outCount), winners: new Uint32Array(outCount) },
      { ...dims, count: outCount },
      elementwiseGrid(outCount),
      ({ output, winners }) => {
        expect(relativeError(unpadChannels(output, channels), expected.y), JSON.stringify(pool)).toBe(0);
        batch.add(
          maxPoolGradient(pool, accumulate),
          {
            winners,
            gradient: padChannels(dy, channels),
            sourceGradient: accumulate ? padChannels(before, channels) : unwritten(inCount),
          },
          { ...dims, count: squares },
          elementwiseGrid(squares),
          ({ sourceGradient }) =>
            expect(relativeError(unpadChannels(sourceGradient, channels), dx), JSON.stringify(pool)).toBeLessThan(
              TOLERANCE,
            ),
        );
      },
    );
  }
  await batch.run();
});

/** Mean over the pixels of each window that exist, by plain loops. Its forward pass is tf.avgPool. */
function plainAverage(pool: Pool, x: Float32Array, dy: Float32Array): { y: Float32Array; dx: Float32Array } {
  const { images, height, width, channels, size, stride } = pool;
  const { outHeight, outWidth, padTop, padLeft } = poolShape(pool).dims;
  const y = new Float32Array(dy.length);
  const dx = new Float32Array(x.length);
  for (let out = 0; out < images * outHeight * outWidth; out++) {
    const image = Math.floor(out / (outHeight * outWidth));
    const top = (Math.floor(out / outWidth) % outHeight) * stride - padTop;
    const left = (out % outWidth) * stride - padLeft;
    const inside: number[] = [];
    for (let iy = Math.max(0, top); iy < Math.min(height, top + size); iy++) {
      for (let ix = Math.max(0, left); ix < Math.min(width, left + size); ix++) {
        inside.push((image * height + iy) * width + ix);
      }
    }
    for (let c = 0; c < channels; c++) {
      const at = out * channels + c;
      y[at] = inside.reduce((sum, pixel) => sum + (x[pixel * channels + c] ?? NaN), 0) / inside.length;
      for (const pixel of inside) dx[pixel * channels + c]! += (dy[at] ?? NaN) / inside.length;
    }
  }
  return { y, dx };
}

// tf.avgPool's own gradient divides by the whole window at the borders, where its forward pass does not (tfjs 4.22).
test.each([0, 1])(
  'average pooling equals tf.avgPool, and its gradient plain loops, accumulate %i',
  async (accumulate) => {
    const batch = bench.batch();
    for (const pool of POOLS) {
      const { images, height, width, channels, size, stride } = pool;
      const { dims, inCount, outCount } = poolShape(pool);
      const x = noise(images * height * width * channels, 1);
      const dy = noise(images * dims.outHeight * dims.outWidth * channels, 2);
      const before = noise(x.length, 3);
      const expected = plainAverage(pool, x, dy);
      const dx = expected.dx.map((value, i) => value + (accumulate ? (before[i] ?? NaN) : 0));
      const stock = tf.tidy(() =>
        Float32Array.from(
          tf.avgPool(tf.tensor4d(x, [images, height, width, channels]), size, stride, 'same').dataSync(),
        ),
      );
      const near = (actual: Float32Array, wanted: Float32Array): void =>
        expect(relativeError(unpadChannels(actual, channels), wanted), JSON.stringify(pool)).toBeLessThan(TOLERANCE);
      batch.add(
        averagePool,
        { source: padChannels(x, channels), output: unwritten(outCount) },
        { ...dims, count: outCount, accumulate: 0 },
        elementwiseGrid(outCount),
        ({ output }) => {
          near(output, stock);
          near(output, expected.y);
        },
      );
      batch.add(
        averagePoolGradient,
        {
          gradient: padChannels(dy, channels),
          sourceGradient: accumulate ? padChannels(before, channels) : unwritten(inCount),
        },
        { ...dims, count: inCount, accumulate },
        elementwiseGrid(inCount),
        ({ sourceGradient }) => near(sourceGradient, dx),
      );
    }
    await batch.run();
  },
);

test('kernels of several layers are transposed in one dispatch, each in its place', async () => {
  const draw = draws(5);
  const plans = [
    { taps: 9, inVectors: 3, outVectors: 2, flip: true },
    { taps: 9, inVectors: 1, outVectors: 5, flip: false },
    { taps: 1, inVectors: 40, outVectors: 30, flip: false },
    { taps: 4, inVectors: 2, outVectors: 1, flip: true },
    ...Array.from({ length: 20 }, () => ({
      taps: draw.whole(1, 25),
      inVectors: draw.small(1, 9),
      outVectors: draw.small(1, 9),
      flip: draw.whole(0, 1) === 1,
    })),
  ];
  // Gaps between them, which nobody may write.
  const GAP = 3;
  let end = GAP;
  const jobs = plans.map((plan) => {
    const at = end;
    end += transposedSize(plan) + GAP;
    return { ...plan, from: at, to: at };
  });
  const weights = noise(end * 4, 1);
  const expected = new Float32Array(end * 4).fill(7);
  for (const { taps, inVectors, outVectors, flip, from } of jobs) {
    const [inputs, outputs] = [inVectors * 4, outVectors * 4];
    for (let i = 0; i < taps * inputs * outputs; i++) {
      const [tap, c, o] = [Math.floor(i / (inputs * outputs)), Math.floor(i / outputs) % inputs, i % outputs];
      const target = ((flip ? taps - 1 - tap : tap) * outputs + o) * inputs + c;
      expected[from * 4 + target] = weights[from * 4 + i] ?? NaN;
    }
  }
  const { transposed } = await bench.run(
    transposeKernels,
    { weights, jobs: transpositionTable(jobs), transposed: new Float32Array(end * 4).fill(7) },
    { jobs: jobs.length },
    transposeGrid(jobs),
  );
  expect(transposed).toEqual(expected);
});

// Sums over work-group memory must never reach a software adapter.
test.each(bench.software ? [false] : [false, true])('parts are summed, wide %s', async (wide) => {
  const batch = bench.batch();
  for (const [size, parts] of [
    [1, 1],
    [1, 100],
    [7, 3],
    [64, 8],
    [65, 9],
    [1_000, 17],
    [5_000, 2],
  ] as const) {
    const partials = noise(size * parts * 4, size);
    const expected = Float64Array.from({ length: size * 4 }, (_, i) => {
      let sum = 0;
      for (let part = 0; part < parts; part++) sum += partials[part * size * 4 + i] ?? NaN;
      return sum;
    });
    batch.add(sumParts(wide), { partials, sums: unwritten(size) }, { size, parts }, sumGrid(wide, size), ({ sums }) =>
      expect(relativeError(sums, expected), `${parts} x ${size}`).toBeLessThan(TOLERANCE),
    );
  }
  await batch.run();
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

describe('rescaling', () => {
  const factorOf = async (values: Float32Array): Promise<Float32Array> => {
    const size = values.length / 4;
    const maxima = new Float32Array(MAXIMA);
    const found = await bench.run(largestParts, { values, maxima }, { size }, MAXIMA_GRID);
    const { factors } = await bench.run(
      rescaleFactor,
      { maxima: found.maxima, factors: new Float32Array(8) },
      { index: 1 },
      [1, 1, 1],
    );
    return factors.slice(4, 7);
  };
  const largest = (value: number): Float32Array => {
    const scale = Number.isFinite(value) ? Math.abs(value) / 2 : 1;
    // Numbers that are not normal may count as 0.
    const values = noise(2_000 * 4, 9).map((other) => (Math.abs(other * scale) < 2 ** -126 ? 0 : other * scale));
    return values.fill(value, 7_001, 7_002);
  };
  const below = new Float32Array(new Uint32Array([0x3fb504f3]).buffer)[0] ?? NaN;
  const above = new Float32Array(new Uint32Array([0x3fb504f4]).buffer)[0] ?? NaN;

  test.each([
    [1, 0],
    [-7, 3],
    [below, 0],
    [-above, 1],
    [3e38, 127],
    [2 ** 127, 127],
    [-1e-30, -100],
    [1.2e-38, -126],
    [0, 0],
    [Infinity, 0],
    [-Infinity, 0],
    [NaN, 0],
  ])('an activation whose largest value is %f is divided by 2 to the power %i', async (value, exponent) => {
    const values = largest(value);
    const [first = NaN, second = NaN, found] = await factorOf(values);
    expect(found).toBe(exponent);
    expect(Math.log2(first) + Math.log2(second)).toBe(0 - exponent);
    if (!Number.isFinite(value)) return;
    const factors = Float32Array.of(first, second, exponent, 0);
    const scaled = await bench.run(rescale, { factors, values }, { size: values.length / 4, index: 0 }, [3, 1, 1]);
    expect(scaled.values[7_001]).toBe(Math.fround(value) / 2 ** exponent);
    expect(
      relativeError(
        scaled.values,
        values.map((other) => other / 2 ** exponent),
      ),
    ).toBeLessThan(1e-6);
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
    body: `${RANDOM4_WGSL} ${MAIN} { ${gridStride('i', `${count}u`)} { result[i] = random4(shape.seed, 3u, i * 7919u, i); ${gridNext('i', `${count}u`)} } }`,
  });
  const { result } = await bench.run(kernel, { result: new Uint32Array(count * 4) }, { seed: 123_456_789 }, [1, 1, 1]);
  const actual = new Uint32Array(result.buffer);
  const expected = Array.from({ length: count }, (_, i) =>
    random4(123_456_789, 'augment', Math.imul(i, 7_919) >>> 0, i),
  ).flat();
  expect([...actual]).toEqual(expected);
});
