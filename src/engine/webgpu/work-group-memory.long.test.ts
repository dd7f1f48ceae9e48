import { afterAll, describe, expect, test } from 'vitest';
import { dawn } from '../../../bin/dawn.ts';
import { type Images, differing, distance, hyperAt, openTrainer } from '../../../tests/conformance/harness.ts';
import { type Network, buildNetwork } from '../../core/network/index.ts';
import { BATCH_NORM_EPSILON } from '../../core/network/network.ts';
import { type Device, requestDevice } from './device.ts';
import { WebGpuEngine } from './index.ts';
import { gradientTilesOf, lineGradientKernel, lineKernel, lineTilesOf } from './kernel-set.ts';
import { type Grid, type Kernel } from './kernel.ts';
import { finishGradientMoments, finishGrid, finishMoments } from './kernels/batch-norm/kernel.ts';
import { lineUnitTable } from './kernels/conv-lines-kernel-gradient/kernel.ts';
import { sharedGradientBytes } from './kernels/conv-lines-kernel-gradient/shared.ts';
import { convLinesGrid, lineTable, lineTiles } from './kernels/conv-lines/kernel.ts';
import { sharedBytes } from './kernels/conv-lines/shared.ts';
import {
  type GradientTile,
  gradientTileLabel,
  kernelGradientGrid,
  splitRows,
  splitShape,
} from './kernels/conv/kernel-gradient.ts';
import { evenly } from './kernels/conv/cut.ts';
import { eachWeight, geometryOf, placeInputs, placeWeights, placesOf } from './kernels/conv/testing.ts';
import {
  type Epilogue,
  PLAIN_STORE,
  type StoreField,
  type Tile,
  blockVectors,
  momentParts,
  tileLabel,
} from './kernels/conv/tile.ts';
import { sumGrid, sumParts } from './kernels/sum-parts/kernel.ts';
import {
  transposeGrid,
  transposeKernels,
  transposedSize,
  transpositionTable,
} from './kernels/transpose-kernel/kernel.ts';
import {
  type Geometry,
  forwardLines,
  gradientLines,
  lineShape,
  lineUnits,
  lowered,
  transpositions,
} from './plan/geometry.ts';
import {
  type Batch,
  type ConvCase,
  KernelBench,
  allTaps,
  draws,
  noise,
  padChannels,
  relativeError,
  withZeroRegion,
} from './testing.ts';
import { candidatesOf, isAmong, tune } from './tuner.ts';
import { type Tuning, byLineClass, defaultTuning, hasQuads, runsOn } from './tuning.ts';

/*
 * Kernels for real GPUs, on Dawn for Node: no software adapter may run them in production, and SwiftShader not even here
 * (one killed Chromium's GPU process), but Mesa's runs them, slowly.
 */

const found: Device | string = await dawn()
  .then(requestDevice)
  .catch((error: Error) => error.message);
const reason =
  typeof found === 'string'
    ? found
    : found.software && !/llvmpipe|lavapipe/i.test(`${found.info.device} ${found.info.description}`)
      ? `${found.adapter.description} must not run kernels with work-group memory`
      : null;

function device(): Device {
  if (typeof found === 'string') throw new Error(found);
  return found;
}
afterAll(() => {
  if (typeof found !== 'string') found.dispose();
});

const QUADS = typeof found !== 'string' && hasQuads(found);
/** Mesa takes up to a minute for all kernels of a network that it has not in its cache; then it is a second. */
const PATIENCE = 240_000;
const TOLERANCE = 1e-4;
const SHAPES = 200;

/** All that are offered; without quads, which only storing uses, one: Mesa compiles one of these for seconds. */
const LINE_TILES: readonly Tile[] = [
  { pixels: 4, vectors: 1, channels: 4, quads: QUADS, shared: true },
  { pixels: 4, vectors: 2, channels: 4, quads: QUADS, shared: true },
  { pixels: 8, vectors: 1, channels: 4, quads: QUADS, shared: true },
  { pixels: 4, vectors: 1, channels: 4, quads: false, shared: true },
];

/** Mesa has subgroups, but these do without. */
const GRADIENT_TILES: readonly GradientTile[] = [1, 2].map((vectors) => ({ vectors, quads: false, shared: true }));

interface Problem {
  readonly name: string;
  readonly g: Geometry;
  readonly source: Float32Array;
  readonly weights: Float32Array;
  /** The weights as the input gradient reads them. */
  readonly transposed: Float32Array;
  readonly gradient: Float32Array;
  readonly y: Float64Array;
  readonly dx: Float64Array;
  readonly dw: Float64Array;
}

/** Dense kernels, and from `columnsFrom` on those that keep a column of taps for each class of source maps. */
function casesOf(seed: number, stride: number): readonly ConvCase[] {
  const draw = draws(seed);
  return Array.from({ length: SHAPES }, (_, i) => {
    const first = draw.whole(0, 2);
    const classes =
      i % 4 === 3
        ? Array.from({ length: draw.whole(1, 3) }, (_class, index) => {
            const column = (first + index) % 3;
            return { channels: draw.small(1, 30), taps: [column, column + 3, column + 6] };
          })
        : [{ channels: draw.small(1, 70), taps: allTaps(3) }];
    return {
      images: draw.small(1, 3),
      height: draw.small(1, 11),
      width: draw.small(1, 35),
      classes,
      outputs: draw.small(1, 70),
      kernel: 3,
      stride,
    };
  });
}

type F64 = Float64Array;

/** Convolution and gradients by plain loops in double precision. */
function reference(g: Geometry, x: Float32Array, w: Float32Array, dy: Float32Array) {
  const [inputs, outputs] = [placesOf(g).length, g.outChannels];
  const [y, dx, dw] = [dy, x, w].map(({ length }) => new Float64Array(length)) as [F64, F64, F64];
  for (let pixel = 0; pixel < dy.length / outputs; pixel++) {
    const column = pixel % g.outWidth;
    const row = Math.floor(pixel / g.outWidth) % g.outHeight;
    const image = Math.floor(pixel / (g.outWidth * g.outHeight));
    for (let tap = 0; tap < 9; tap++) {
      const iy = row * g.stride + Math.floor(tap / 3) - g.padTop;
      const ix = column * g.stride + (tap % 3) - g.padLeft;
      if (iy < 0 || iy >= g.inHeight || ix < 0 || ix >= g.inWidth) continue;
      const from = ((image * g.inHeight + iy) * g.inWidth + ix) * inputs;
      for (let c = 0; c < inputs; c++) {
        const weight = (tap * inputs + c) * outputs;
        for (let o = 0; o < outputs; o++) {
          y[pixel * outputs + o]! += x[from + c]! * w[weight + o]!;
          dx[from + c]! += dy[pixel * outputs + o]! * w[weight + o]!;
          dw[weight + o]! += dy[pixel * outputs + o]! * x[from + c]!;
        }
      }
    }
  }
  return { y, dx, dw };
}

const sameBits = (a: Float32Array, b: Float32Array | undefined): boolean =>
  b !== undefined && a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

const fail = (): never => {
  throw new Error('there is none');
};

const unwritten = (vectors: number): Float32Array => new Float32Array(vectors * 4).fill(NaN);
const NOTHING = new Float32Array(4);

async function problemsOf(bench: KernelBench, cases: readonly ConvCase[]): Promise<readonly Problem[]> {
  const batch = bench.batch();
  const problems: Problem[] = [];
  cases.forEach((shape, i) => {
    const dense = shape.classes[0]?.taps.length === 9;
    const g = geometryOf(shape, dense ? 'row lines' : 'column lines');
    const inputs = placesOf(g).length;
    const x = noise(g.images * g.inHeight * g.inWidth * inputs, 3 * i);
    const dy = noise(g.images * g.outHeight * g.outWidth * g.outChannels, 3 * i + 1);
    const w = noise(9 * inputs * g.outChannels, 3 * i + 2);
    prune(shape, w);
    const { y, dx, dw } = reference(g, x, w, dy);
    const problem = {
      name: JSON.stringify(shape),
      g,
      source: withZeroRegion(placeInputs(g, x)),
      weights: placeWeights(g, w),
      gradient: withZeroRegion(padChannels(dy, g.outChannels)),
      y,
      dx,
      dw,
    };
    const jobs = transpositions(g, 0, 0);
    const size = jobs.reduce((sum, job) => sum + transposedSize(job), 0);
    batch.add(
      transposeKernels,
      { weights: problem.weights, jobs: transpositionTable(jobs), transposed: unwritten(size) },
      { jobs: jobs.length },
      transposeGrid(jobs),
      ({ transposed }) => problems.push({ ...problem, transposed }),
    );
  });
  await batch.run();
  return problems;
}

/** Zeroes what the classes do not keep of [tap, input, output]. */
function prune({ classes, outputs }: ConvCase, w: Float32Array): void {
  const kept = classes.flatMap(({ channels, taps }) => Array.from({ length: channels }, () => taps));
  for (let tap = 0; tap < 9; tap++) {
    kept.forEach((taps, input) => {
      if (taps.includes(tap)) return;
      const at = (tap * kept.length + input) * outputs;
      w.fill(0, at, at + outputs);
    });
  }
}

interface Store {
  readonly epilogue: Epilogue;
  readonly activation: number;
}

const PLAIN: Store = { epilogue: 'plain', activation: 0 };
const MOMENTS: Store = { epilogue: 'moments', activation: 0 };
const STORES: readonly Store[] = [
  { epilogue: 'accumulate', activation: 0 },
  MOMENTS,
  ...(['folded', 'folded-add'] as const).flatMap((epilogue) =>
    [0, 1, 2].map((activation) => ({ epilogue, activation })),
  ),
];
const ACTIVATIONS = [
  (value: number) => value,
  (value: number) => Math.max(value, 0),
  (value: number) => Math.min(Math.max(value, 0), 6),
] as const;

interface Launch {
  readonly kernel: Kernel;
  readonly shape: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly lines: Int32Array;
  readonly tiles: number;
}

function forwardLaunch(tile: Tile, g: Geometry, epilogue: Epilogue): Launch {
  const blocks = forwardLines(g, evenly(blockVectors(tile)));
  const { images, outVectors, inVectors } = g;
  const shape = { ...lineShape(g, g.form), images, outVectors, inVectors, blocks: blocks.length };
  return {
    kernel: lineKernel(tile, g.stride === 2 ? 2 : 1, epilogue),
    shape,
    grid: convLinesGrid(tile, shape),
    lines: lineTable(blocks),
    tiles: lineTiles(tile, shape),
  };
}

function inputGradientLaunch(tile: Tile, g: Geometry, epilogue: Epilogue): Launch {
  const blocks = gradientLines(g, evenly(blockVectors(tile)));
  const reversed = {
    outHeight: g.inHeight,
    outWidth: g.inWidth,
    inHeight: g.outHeight,
    inWidth: g.outWidth,
    padTop: 2 - g.padTop,
    padLeft: 2 - g.padLeft,
  };
  const shape = {
    ...lineShape(reversed, g.form),
    images: g.images,
    outVectors: g.inVectors,
    inVectors: g.outVectors,
    blocks: blocks.length,
  };
  const kernel = lineKernel(tile, 1, epilogue);
  return { kernel, shape, grid: convLinesGrid(tile, shape), lines: lineTable(blocks), tiles: 0 };
}

/** What a forward pass is given and should come to, with what is fused behind it. */
function forwardProblem({ g, y }: Problem, { epilogue, activation }: Store, seed: number) {
  const folded = epilogue === 'folded' || epilogue === 'folded-add';
  const channels = g.outChannels;
  const per = (k: number): Float32Array => noise(channels, seed + k);
  const like = (k: number): Float32Array => noise(y.length, seed + k);
  const [before, added] = [like(1), like(2)];
  const [pivots, shift] = [per(3), per(4)];
  // Large enough that ReLU6 cuts off.
  const scale = per(5).map((value) => value * 5);
  const expected = y.map((value, i) => {
    const sum = epilogue === 'accumulate' ? value + before[i]! : value;
    if (!folded) return sum;
    const normed = sum * scale[i % channels]! + shift[i % channels]!;
    return ACTIVATIONS[activation]?.(epilogue === 'folded-add' ? normed + added[i]! : normed) ?? NaN;
  });
  const sums = [new Float64Array(channels), new Float64Array(channels)] as const;
  y.forEach((value, i) => {
    const difference = value - pivots[i % channels]!;
    sums[0][i % channels]! += difference;
    sums[1][i % channels]! += difference ** 2;
  });
  const pad = (values: Float32Array): Float32Array => padChannels(values, channels);
  return {
    expected,
    sums,
    perChannel:
      epilogue === 'moments' ? pad(pivots) : folded ? Float32Array.from([...pad(scale), ...pad(shift)]) : NOTHING,
    added: epilogue === 'folded-add' ? pad(added) : NOTHING,
    output: epilogue === 'accumulate' ? pad(before) : unwritten((y.length / channels) * g.outVectors),
  };
}

/** Runs a forward pass and compares it; `done` gets what it wrote. */
function addForward(
  batch: Batch,
  tile: Tile,
  problem: Problem,
  store: Store,
  seed: number,
  done: (output: Float32Array, partials: Float32Array) => void = () => {},
): void {
  const { g, source, weights } = problem;
  const { kernel, shape, grid, lines, tiles } = forwardLaunch(tile, g, store.epilogue);
  const { expected, sums, ...given } = forwardProblem(problem, store, seed);
  const parts = store.epilogue === 'moments' ? momentParts(tile, tiles) : 0;
  const width = g.outVectors * 4;
  batch.add(
    kernel,
    { ...given, lines, source, weights, partials: parts ? unwritten(parts * 2 * g.outVectors) : NOTHING },
    { ...shape, activation: store.activation, parts } satisfies Record<StoreField, number>,
    grid,
    ({ output = NOTHING, partials = NOTHING }) => {
      done(output, partials);
      const about = `${kernel.label} ${problem.name} ${JSON.stringify(store)}`;
      const padded = padChannels(Float32Array.from(expected), g.outChannels);
      expect(relativeError(output, padded), about).toBeLessThan(TOLERANCE);
      if (!parts) return;
      const actual = [new Float64Array(width), new Float64Array(width)] as const;
      partials.forEach((value, i) => (actual[Math.floor(i / width) % 2 === 0 ? 0 : 1][i % width]! += value));
      for (const k of [0, 1] as const) {
        const known = padChannels(Float32Array.from(sums[k]), g.outChannels);
        expect(relativeError(actual[k], known), `${about} moment ${k}`).toBeLessThan(TOLERANCE);
      }
    },
  );
}

function addInputGradient(batch: Batch, tile: Tile, problem: Problem, accumulate: number): void {
  const { g, gradient, transposed, dx } = problem;
  const { kernel, shape, grid, lines } = inputGradientLaunch(tile, g, accumulate ? 'accumulate' : 'plain');
  const before = placeInputs(g, noise(dx.length, 9));
  const expected = placeInputs(g, dx).map((value, i) => (accumulate ? value + (before[i] ?? NaN) : value));
  batch.add(
    kernel,
    {
      lines,
      source: gradient,
      weights: transposed,
      perChannel: NOTHING,
      added: NOTHING,
      output: accumulate ? before : unwritten(before.length / 4),
      partials: NOTHING,
    },
    { ...shape, ...PLAIN_STORE },
    grid,
    ({ output = NOTHING }) =>
      expect(
        relativeError(output, expected),
        `${kernel.label} ${problem.name} input gradient, accumulate ${accumulate}`,
      ).toBeLessThan(TOLERANCE),
  );
}

function addKernelGradient(
  batch: Batch,
  tile: GradientTile,
  problem: Problem,
  threads: number,
  done: (partials: Float32Array) => void = () => {},
): void {
  const { g, source, gradient, dw } = problem;
  const { outVectors, inVectors } = g;
  const units = lineUnits(g);
  const along = lineShape(g, g.form);
  const lines = g.images * along.outAcross;
  const split = splitRows(lines, splitShape(tile, units.length, outVectors), threads);
  const { parts, lanes, rowsPerPart } = split;
  const size = lowered(g).rows * outVectors;
  const expected = placeWeights(g, dw);
  const kernel = lineGradientKernel(tile, g.stride === 2 ? 2 : 1);
  batch.add(
    kernel,
    { source, gradient, partials: unwritten(parts * size), table: lineUnitTable(units) },
    { ...along, outVectors, inVectors, size, units: units.length, lanes, lines, linesPerPart: rowsPerPart },
    kernelGradientGrid(split, tile, outVectors),
    ({ partials }) => {
      done(partials);
      const about = `${kernel.label} ${problem.name} in ${parts} parts`;
      const sums = summed(partials, parts);
      expect(relativeError(sums, expected), about).toBeLessThan(TOLERANCE);
      // Padding must stay zero: momentum SGD would otherwise grow weights that do not exist.
      eachWeight(g, (_plain, padded) => (sums[padded] = 0));
      expect(
        sums.every((value) => value === 0),
        about,
      ).toBe(true);
    },
  );
}

/** Sum over parts of [parts, size]. */
function summed(values: Float32Array, parts: number): Float64Array {
  const sums = new Float64Array(values.length / parts);
  values.forEach((value, i) => (sums[i % sums.length]! += value));
  return sums;
}

describe.skipIf(reason)(reason ? `work-group memory (${reason})` : 'work-group memory', { timeout: PATIENCE }, () => {
  let opened: KernelBench | undefined;
  const bench = (): KernelBench => (opened ??= KernelBench.of(device()));
  const made = new Map<number, Promise<readonly Problem[]>>();
  const problems = (stride: number): Promise<readonly Problem[]> => {
    const some = made.get(stride) ?? problemsOf(bench(), casesOf(stride, stride));
    made.set(stride, some);
    return some;
  };

  describe.each([1, 2] as const)('convolution by lines, stride %i', (stride) => {
    test.each(LINE_TILES.map((tile, at) => ({ tile, at, name: tileLabel(tile) })))(
      '$name equals plain loops',
      async ({ tile, at }) => {
        const all = await problems(stride);
        expect(all.length).toBeGreaterThanOrEqual(SHAPES);
        const batch = bench().batch();
        all.forEach((problem, i) => {
          // Mesa compiles a kernel for seconds: the first tile meets every epilogue, the others the one that shares sums.
          const first = at === 0;
          if (first) addForward(batch, tile, problem, PLAIN, 0);
          addForward(batch, tile, problem, (first ? STORES[i % STORES.length] : MOMENTS) ?? PLAIN, i);
          if (stride === 1) addInputGradient(batch, tile, problem, first ? i % 2 : 0);
        });
        await batch.run();
      },
    );

    test('two runs give the same bits, and the register tile too', async () => {
      const [tile = fail()] = LINE_TILES;
      const runs: Float32Array[][] = [];
      for (const shared of [true, true, false]) {
        const results: Float32Array[] = [];
        const batch = bench().batch();
        (await problems(stride)).forEach((problem, i) =>
          addForward(batch, { ...tile, shared }, problem, MOMENTS, i, (...all) => results.push(...all)),
        );
        await batch.run();
        runs.push(results);
      }
      const [first = fail(), ...others] = runs;
      expect(first.length).toBeGreaterThanOrEqual(2 * SHAPES);
      for (const other of others) expect(other.every((values, i) => sameBits(values, first[i]))).toBe(true);
    });
  });

  describe.each([1, 2] as const)('kernel gradient by lines, stride %i', (stride) => {
    test.each(GRADIENT_TILES.map((tile) => ({ tile, name: gradientTileLabel(tile) })))(
      '$name equals plain loops however the lines are split, twice with the same bits',
      async ({ tile }) => {
        const all = await problems(stride);
        const batch = bench().batch();
        const seen = new Map<Problem, Float32Array>();
        let repeated = 0;
        for (const problem of all) {
          addKernelGradient(batch, tile, problem, 1);
          addKernelGradient(batch, tile, problem, 1_000, (partials) => seen.set(problem, partials));
        }
        await batch.run();
        for (const problem of all) {
          addKernelGradient(batch, tile, problem, 1_000, (partials) => {
            repeated += Number(sameBits(partials, seen.get(problem)));
          });
        }
        await batch.run();
        expect(repeated).toBe(all.length);
      },
    );
  });

  test('tiles that are offered fit the work-group memory that every adapter has', () => {
    const defaults = defaultTuning({ ...device(), software: false });
    const offered = candidatesOf(false, defaults);
    const lines = offered.long.lines.flatMap(lineTilesOf).filter(({ shared }) => shared);
    const gradients = offered.long.kernelGradient.flatMap(gradientTilesOf).filter(({ shared }) => shared);
    for (const stride of [1, 2] as const) {
      for (const tile of lines) expect(sharedBytes(tile, stride)).toBeLessThanOrEqual(16_384);
      for (const tile of gradients) expect(sharedGradientBytes(tile, stride)).toBeLessThanOrEqual(16_384);
    }
    // And they are those that are tested here.
    const tested = LINE_TILES.filter(({ quads }) => quads === QUADS).map(tileLabel);
    expect(new Set(lines.map(tileLabel))).toEqual(new Set(tested));
    expect(new Set(gradients.map(gradientTileLabel))).toEqual(new Set(GRADIENT_TILES.map(gradientTileLabel)));
  });

  test('the tuner measures them', async () => {
    const offered = candidatesOf(false, defaultTuning({ ...device(), software: false }));
    const candidates = byLineClass((line) => ({
      lines: offered[line].lines.filter(({ shared }) => shared),
      kernelGradient: offered[line].kernelGradient.filter(({ shared }) => shared),
    }));
    const { tuning, measured } = await tune(device(), bench().pipelines, defaultTuning(device()), {
      cap: PATIENCE / 2,
      candidates,
    });
    const { lines, kernelGradient } = candidates.long;
    expect(measured).toHaveLength(3 * (lines.length + kernelGradient.length));
    expect(measured.every(({ choice, milliseconds }) => choice.shared && milliseconds > 0)).toBe(true);
    expect(isAmong(tuning, candidates)).toBe(true);
  });

  describe('sums that a work-group shares', () => {
    const draw = draws(11);
    const shapes = Array.from({ length: SHAPES }, () => ({ vectors: draw.small(1, 70), parts: draw.small(1, 300) }));
    test('parts of kernel gradients', async () => {
      const batch = bench().batch();
      // The last one takes more work-groups than a grid is long.
      for (const { vectors: size, parts } of [...shapes, { vectors: 530_000, parts: 2 }]) {
        const partials = noise(size * parts * 4, size + parts);
        const expected = summed(partials, parts);
        for (const wide of [false, true]) {
          batch.add(
            sumParts(wide),
            { partials, sums: unwritten(size) },
            { size, parts },
            sumGrid(wide, size),
            ({ sums }) =>
              expect(relativeError(sums, expected), `${size} in ${parts}, wide ${wide}`).toBeLessThan(TOLERANCE),
          );
        }
      }
      await batch.run();
    });

    test('moments', async () => {
      const runningKeep = 0.9;
      const batch = bench().batch({ runningKeep });
      for (const { vectors, parts } of shapes) {
        const channels = vectors * 4;
        const pixels = parts * 5;
        const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((seed) => noise(channels, seed + parts));
        if (!gamma || !beta || !mean || !variance) return fail();
        // [parts, 2, channels]: sums of squares are large enough for the sums beside them.
        const partials = noise(parts * 2 * channels, vectors).map((value, i) =>
          Math.floor(i / channels) % 2 === 1 ? 10 + 5 * value : value,
        );
        const sums = summed(partials, parts);
        const shift = sums.subarray(0, channels).map((sum) => sum / pixels);
        const spread = sums.subarray(channels).map((sum, c) => sum / pixels - shift[c]! ** 2);
        const average = shift.map((value, c) => value + mean[c]!);
        const inverse = spread.map((value) => 1 / Math.sqrt(value + BATCH_NORM_EPSILON));
        const scale = inverse.map((value, c) => value * gamma[c]!);
        const expected = {
          mean: average.map((value, c) => value * (1 - runningKeep) + mean[c]! * runningKeep),
          variance: spread.map((value, c) => value * (1 - runningKeep) + variance[c]! * runningKeep),
          state: [...scale, ...beta.map((value, c) => value - average[c]! * scale[c]!), ...average, ...inverse],
        };
        for (const wide of [false, true]) {
          batch.add(
            finishMoments(wide),
            { partials, gamma, beta, mean, variance, state: unwritten(4 * vectors) },
            { pixels, vectors, parts, tail: vectors, tailParts: 0 },
            finishGrid(wide, vectors),
            (actual) => {
              for (const name of ['mean', 'variance', 'state'] as const) {
                const about = `${name} of ${channels} channels in ${parts} parts, wide ${wide}`;
                expect(relativeError(actual[name], expected[name]), about).toBeLessThan(TOLERANCE);
              }
            },
          );
        }
      }
      await batch.run();
    });

    test('moments of gradients', async () => {
      const batch = bench().batch();
      shapes.forEach(({ vectors, parts }, i) => {
        const channels = vectors * 4;
        const pixels = parts * 3;
        const constant = i % 2;
        const partials = noise(parts * 2 * channels, i);
        const sums = summed(partials, parts);
        const expected = {
          betaGradient: sums.subarray(0, channels),
          gammaGradient: sums.subarray(channels),
          coefficients: sums.map((sum) => (constant ? 0 : sum / pixels)),
        };
        for (const wide of [false, true]) {
          batch.add(
            finishGradientMoments(wide),
            {
              partials,
              gammaGradient: unwritten(vectors),
              betaGradient: unwritten(vectors),
              coefficients: unwritten(2 * vectors),
            },
            { pixels, vectors, parts, constant },
            finishGrid(wide, vectors),
            (actual) => {
              for (const name of ['betaGradient', 'gammaGradient', 'coefficients'] as const) {
                const about = `${name} of ${channels} channels in ${parts} parts, wide ${wide}`;
                expect(relativeError(actual[name], expected[name]), about).toBeLessThan(TOLERANCE);
              }
            },
          );
        }
      });
      await batch.run();
    });
  });

  describe('networks', () => {
    const images: Images = {
      pixels: Uint8Array.from(noise(16 * 3_072, 5), (value) => 128 + 127 * value),
      labels: Uint8Array.from({ length: 16 }, (_, i) => i % 10),
    };

    /** Losses and gradients before the first step, and what is left after it. */
    async function trained(tuning: Tuning, network: Network) {
      const trainer = await openTrainer(new WebGpuEngine(device(), tuning, bench().pipelines), network, images, {
        batchSize: 8,
      });
      const { loss: losses, tensors } = await trainer.gradients({ inputs: { step: 0 } });
      const { loss } = await trainer.train(1, hyperAt);
      const result = {
        losses: [losses, ...loss],
        gradients: tensors,
        evaluated: (await trainer.evaluate('test')).loss,
        parameters: await trainer.read(),
      };
      trainer.dispose();
      return result;
    }

    test.each([
      ['resnet20', 0.25],
      ['cnn-small', 0.25],
    ])('%s x %d trains as with the default kernels', async (id, width) => {
      // The default in its smallest tiles: Mesa compiles the larger ones for a minute.
      const defaults: Tuning = {
        ...defaultTuning(device()),
        lines: byLineClass(() => ({ pixels: 4, vectors: [1], channels: 1, quads: QUADS, shared: false })),
        rows: { pixels: 4, vectors: [1] },
        few: { pixels: 4, vectors: [1], tiles: 32 },
        kernelGradient: byLineClass(() => ({ vectors: [1], quads: QUADS, shared: false })),
        rowsKernelGradient: [1],
      };
      const shared: Tuning = {
        ...defaults,
        wide: true,
        lines: byLineClass((line) => ({ ...defaults.lines[line], shared: true })),
        kernelGradient: byLineClass((line) => ({ ...defaults.kernelGradient[line], shared: true })),
      };
      // In production a software adapter refuses it.
      expect(runsOn(shared, { ...device(), software: true })).toBe(false);
      expect(runsOn(shared, { ...device(), software: false })).toBe(true);
      const network = buildNetwork(id, width);
      const expected = await trained(defaults, network);
      const [first, second] = [await trained(shared, network), await trained(shared, network)];
      first.losses.forEach((loss, i) => expect(Math.abs(loss - (expected.losses[i] ?? NaN))).toBeLessThan(1e-5));
      expect(Math.abs(first.evaluated - expected.evaluated)).toBeLessThan(1e-4);
      for (const [name, values] of expected.gradients) {
        expect(distance(first.gradients.get(name), values), name).toBeLessThan(1e-3);
      }
      // Other kernels did it, and they do it again alike.
      expect(differing(first.gradients, expected.gradients)).not.toEqual([]);
      expect(differing(first.parameters, second.parameters)).toEqual([]);
      expect(first.losses).toEqual(second.losses);
    });
  });
});
