import * as tf from '@tensorflow/tfjs';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { type Grid, type Kernel } from '../../kernel.ts';
import { rowsShape } from '../../plan/forward.ts';
import {
  type Geometry,
  forwardBlocks,
  forwardLines,
  gradientBlocks,
  gradientLines,
  lineShape,
  lineUnits,
  lowered,
  transpositions,
} from '../../plan/geometry.ts';
import {
  type Batch,
  type ConvCase,
  KernelBench,
  allTaps,
  columnConvCases,
  convCases,
  noise,
  padChannels,
  relativeError,
  sparseConvCases,
  withZeroRegion,
} from '../../testing.ts';
import { conv3x3InputGradient, gradient3x3Grid } from '../conv-3x3-input-gradient/kernel.ts';
import { convLinesKernelGradient, lineUnitTable } from '../conv-lines-kernel-gradient/kernel.ts';
import { convLines, convLinesGrid, lineTable, lineTiles } from '../conv-lines/kernel.ts';
import { convRowsKernelGradient, unitCount, unitTable } from '../conv-rows-kernel-gradient/kernel.ts';
import { convRows, convRowsGrid, rowTable, rowTiles } from '../conv-rows/kernel.ts';
import { sumGrid, sumParts } from '../sum-parts/kernel.ts';
import { transposeGrid, transposeKernels, transposedSize, transpositionTable } from '../transpose-kernel/kernel.ts';
import { type GradientBuffer, type GradientTile, kernelGradientGrid, splitRows } from './kernel-gradient.ts';
import { eachWeight, geometryOf, placeInputs, placeWeights, placesOf } from './testing.ts';
import { evenly } from './cut.ts';
import { type ConvBuffer, type Epilogue, PLAIN_STORE, type StoreField, type Tile, momentParts } from './tile.ts';

/** Single kernels differ from stock tfjs by rounding only: sums of at most a few thousand products. */
const TOLERANCE = 1e-4;
/** Generated shapes of each variant. */
const SHAPES = 200;

/** Tiles of all default tunings, in all sizes. */
const TILES: readonly Tile[] = [true, false].flatMap((quads) => [
  ...[1, 2, 4].flatMap((vectors) => [
    { pixels: 8, vectors, channels: 1 as const, quads },
    { pixels: 4, vectors, channels: 4 as const, quads },
  ]),
  { pixels: 4, vectors: 4, channels: 1 as const, quads },
]);
/** Those of convolutions by lines: also the larger ones that the tuner offers GPUs. */
const LINE_TILES: readonly Tile[] = [
  ...TILES,
  ...[true, false].flatMap((quads) =>
    [1, 2, 4].map((vectors) => ({ pixels: 8, vectors, channels: 4 as const, quads })),
  ),
];
/** Those of convolutions by lines of whole kernels at stride 1: also with one loop. */
const WHOLE_LINE_TILES: readonly Tile[] = [
  ...LINE_TILES,
  ...TILES.filter(({ channels }) => channels === 1).map((tile) => ({ ...tile, flat: true })),
];
/** Those of convolutions over rows: also work-groups of one quad. */
const ROW_TILES: readonly Tile[] = [
  ...TILES,
  ...[true, false].flatMap((quads) => [
    { pixels: 4, vectors: 4, channels: 1 as const, quads, narrow: true },
    { pixels: 4, vectors: 1, channels: 4 as const, quads, narrow: true },
  ]),
];
const GRADIENT_TILES: readonly GradientTile[] = [true, false].flatMap((quads) =>
  [1, 2, 4].map((vectors) => ({ vectors, quads })),
);

await tf.setBackend('cpu');
const bench = await KernelBench.open();
afterAll(() => bench.dispose());

/** A convolution and all that goes in and should come out, padded as the kernels hold it. */
interface Problem {
  readonly name: string;
  readonly g: Geometry;
  readonly source: Float32Array;
  readonly weights: Float32Array;
  /** The weights as the input gradient reads them. */
  readonly transposed: Float32Array;
  readonly gradient: Float32Array;
  readonly y: Float32Array;
  readonly dx: Float32Array;
  readonly dw: Float32Array;
}

/** Tensors in tfjs' layouts; weights of pruned taps are zero. */
interface Plain {
  readonly x: Float32Array;
  readonly w: Float32Array;
  readonly dy: Float32Array;
  readonly y: ArrayLike<number>;
  readonly dx: ArrayLike<number>;
  readonly dw: ArrayLike<number>;
}

type Form = Geometry['form'];

const kernelShape = (g: Geometry): [number, number, number, number] => [
  g.kernel,
  g.kernel,
  placesOf(g).length,
  g.outChannels,
];

function values(g: Geometry, seed: number): Pick<Plain, 'x' | 'w' | 'dy'> {
  const inputs = placesOf(g).length;
  const all = noise(g.kernel ** 2 * inputs * g.outChannels, seed + 1);
  const w = new Float32Array(all.length);
  eachWeight(g, (plain) => (w[plain] = all[plain] ?? NaN));
  return {
    x: noise(g.images * g.inHeight * g.inWidth * inputs, seed),
    w,
    dy: noise(g.images * g.outHeight * g.outWidth * g.outChannels, seed + 2),
  };
}

/** What stock tfjs computes. */
function stock(g: Geometry, seed: number): Plain {
  const { x, w, dy } = values(g, seed);
  return tf.tidy(() => {
    const xs = tf.tensor4d(x, [g.images, g.inHeight, g.inWidth, placesOf(g).length]);
    const ws = tf.tensor4d(w, kernelShape(g));
    const convolve = (a: tf.Tensor, b: tf.Tensor): tf.Tensor =>
      tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, g.stride, 'same');
    const [dx, dw] = tf.grads(convolve)([xs, ws], tf.tensor4d(dy, [g.images, g.outHeight, g.outWidth, g.outChannels]));
    const read = (tensor: tf.Tensor | undefined): Float32Array => Float32Array.from(tensor?.dataSync() ?? []);
    return { x, w, dy, y: read(convolve(xs, ws)), dx: read(dx), dw: read(dw) };
  });
}

/** Pads tensors and transposes the weights (on the adapter). */
async function problemsOf(cases: readonly { name: string; g: Geometry; plain: Plain }[]): Promise<readonly Problem[]> {
  const batch = bench.batch();
  const problems: Problem[] = [];
  for (const { name, g, plain } of cases) {
    const problem = {
      name,
      g,
      source: withZeroRegion(placeInputs(g, plain.x)),
      weights: placeWeights(g, plain.w),
      gradient: withZeroRegion(padChannels(plain.dy, g.outChannels)),
      y: padChannels(Float32Array.from(plain.y), g.outChannels),
      dx: placeInputs(g, plain.dx),
      dw: placeWeights(g, plain.dw),
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
  }
  await batch.run();
  return problems;
}

const unwritten = (vectors: number): Float32Array => new Float32Array(vectors * 4).fill(NaN);
const NOTHING = new Float32Array(4);

/** Problems of one kind, made when they are first wanted. */
interface ProblemSet {
  readonly name: string;
  readonly problems: () => Promise<readonly Problem[]>;
  readonly tiles: readonly Tile[];
  /**
   * Every how many-th shape a tile meets: all of them meet some tiles, and a kernel meets at least `SHAPES` in the sets
   * that it serves. One kernel of input gradients serves one set alone.
   */
  readonly every: number;
  readonly everyInputGradient: number;
}

function set(
  name: string,
  form: Form,
  every: number,
  cases: () => readonly ConvCase[],
  everyInputGradient = every,
  tiles = form === 'rows' ? ROW_TILES : LINE_TILES,
): ProblemSet {
  let made: Promise<readonly Problem[]> | undefined;
  const make = (): Promise<readonly Problem[]> =>
    problemsOf(
      cases().map((shape, i) => {
        const g = geometryOf(shape, form);
        return { name: JSON.stringify(shape), g, plain: stock(g, i * 3) };
      }),
    );
  return { name, every, everyInputGradient, problems: () => (made ??= make()), tiles };
}

const dense = (seed: number, kernel: number, strides: readonly number[]) => (): readonly ConvCase[] =>
  convCases(SHAPES, seed, { kernels: [kernel], strides });
const columns = (seed: number, stride: number) => (): readonly ConvCase[] =>
  columnConvCases(SHAPES, seed).map((shape) => ({ ...shape, stride }));

const SETS = [
  set('3x3 by rows, stride 1', 'row lines', 2, dense(1, 3, [1]), 2, WHOLE_LINE_TILES),
  set('3x3 by rows, stride 2', 'row lines', 2, dense(2, 3, [2]), 1),
  set('columns of 3x3, stride 1', 'column lines', 2, columns(7, 1)),
  set('columns of 3x3, stride 2', 'column lines', 2, columns(8, 2)),
  set('1x1, stride 1 or 2', 'rows', 4, dense(3, 1, [1, 2])),
  set('all taps of 3x3, stride 1 to 3', 'rows', 4, dense(4, 3, [1, 2, 3])),
  set('all taps of 5x5, stride 1 or 2', 'rows', 4, dense(5, 5, [1, 2])),
  set('some taps of 3x3 or 5x5, stride 1 to 3', 'rows', 4, () => sparseConvCases(SHAPES, 6)),
] as const;

/** Tables of rows by the names of their buffers; none for some kernels. */
type Tables = Readonly<Record<string, Int32Array>>;

/** A kernel of a convolution with what it is run with. */
interface Launch<Buffer extends string> {
  readonly kernel: Kernel<Buffer>;
  readonly shape: Readonly<Record<string, number>>;
  readonly grid: Grid;
  readonly tables: Tables;
  readonly tiles: number;
}

function forwardLaunch(tile: Tile, g: Geometry, epilogue: Epilogue): Launch<ConvBuffer> {
  if (g.form !== 'rows') {
    const blocks = forwardLines(g, evenly(tile.vectors));
    const { images, outVectors, inVectors } = g;
    const shape = { ...lineShape(g, g.form), images, outVectors, inVectors, blocks: blocks.length };
    return {
      kernel: convLines(tile, g.stride === 2 ? 2 : 1, epilogue),
      shape,
      grid: convLinesGrid(tile, shape),
      tables: { lines: lineTable(blocks) },
      tiles: lineTiles(tile, shape),
    };
  }
  const blocks = forwardBlocks(g, evenly(tile.vectors));
  const shape = rowsShape(g, blocks.length, { outStride: 1, inStride: g.stride });
  return {
    kernel: convRows(tile, epilogue),
    shape,
    grid: convRowsGrid(tile, shape),
    tables: { rows: rowTable(blocks) },
    tiles: rowTiles(tile, shape),
  };
}

function inputGradientLaunch(tile: Tile, g: Geometry, epilogue: Epilogue): Launch<ConvBuffer> {
  const reversed = {
    images: g.images,
    outHeight: g.inHeight,
    outWidth: g.inWidth,
    outVectors: g.inVectors,
    inHeight: g.outHeight,
    inWidth: g.outWidth,
    inVectors: g.outVectors,
    inChannels: g.outChannels,
  };
  if (g.form !== 'rows' && g.stride === 1) {
    const blocks = gradientLines(g, evenly(tile.vectors));
    const pads = { padTop: 2 - g.padTop, padLeft: 2 - g.padLeft };
    const shape = { ...reversed, ...lineShape({ ...reversed, ...pads }, g.form), blocks: blocks.length };
    const tables = { lines: lineTable(blocks) };
    return { kernel: convLines(tile, 1, epilogue), shape, grid: convLinesGrid(tile, shape), tables, tiles: 0 };
  }
  if (g.form === 'row lines') {
    const shape = { ...reversed, padTop: g.padTop, padLeft: g.padLeft };
    return {
      kernel: conv3x3InputGradient(tile, epilogue),
      shape,
      grid: gradient3x3Grid(tile, shape),
      tables: {},
      tiles: 0,
    };
  }
  const { blocks, perPhase } = gradientBlocks(g, evenly(tile.vectors));
  const shape = rowsShape(reversed, perPhase, { outStride: g.stride, inStride: 1 });
  const tables = { rows: rowTable(blocks) };
  return { kernel: convRows(tile, epilogue), shape, grid: convRowsGrid(tile, shape), tables, tiles: 0 };
}

interface GradientLaunch extends Omit<Launch<GradientBuffer>, 'tiles'> {
  readonly parts: number;
  /** Vec4s of the result. */
  readonly size: number;
}

function kernelGradientLaunch(tile: GradientTile, g: Geometry, threads: number): GradientLaunch {
  const { outVectors, inVectors } = g;
  const { runs, rows: matrixRows } = lowered(g);
  const size = matrixRows * outVectors;
  const split = (lines: number, units: number) =>
    splitRows(lines, { units, outVectors, vectors: tile.vectors }, threads);
  if (g.form !== 'rows') {
    const units = lineUnits(g);
    const along = lineShape(g, g.form);
    const lines = g.images * along.outAcross;
    const { parts, lanes, rowsPerPart } = split(lines, units.length);
    return {
      kernel: convLinesKernelGradient(tile, g.stride === 2 ? 2 : 1),
      shape: { ...along, outVectors, inVectors, size, units: units.length, lanes, lines, linesPerPart: rowsPerPart },
      grid: kernelGradientGrid({ parts, lanes, rowsPerPart }, tile, outVectors),
      tables: { table: lineUnitTable(units) },
      parts,
      size,
    };
  }
  const units = unitCount(runs);
  const rows = g.images * g.outHeight;
  const { parts, lanes, rowsPerPart } = split(rows, units);
  const { outHeight, outWidth: outAlong, inHeight, inWidth, stride } = g;
  const pixels = { outHeight, outAlong, inHeight, inWidth, stride };
  return {
    kernel: convRowsKernelGradient(tile),
    shape: { ...pixels, outVectors, inVectors, size, units, lanes, rows, rowsPerPart },
    grid: kernelGradientGrid({ parts, lanes, rowsPerPart }, tile, outVectors),
    tables: { units: unitTable(runs, outVectors) },
    parts,
    size,
  };
}

type Compare = (actual: ArrayLike<number>, expected: ArrayLike<number>, about: string) => void;

const near: Compare = (actual, expected, about) =>
  expect(relativeError(actual, expected), about).toBeLessThan(TOLERANCE);
const same: Compare = (actual, expected, about) => expect(relativeError(actual, expected), about).toBe(0);

/** What is done to the sums of products before and after they are written. */
interface Store {
  readonly epilogue: Epilogue;
  readonly activation: number;
}

const PLAIN: Store = { epilogue: 'plain', activation: 0 };
const STORES: readonly Store[] = [
  { epilogue: 'accumulate', activation: 0 },
  { epilogue: 'moments', activation: 0 },
  ...(['folded', 'folded-add'] as const).flatMap((epilogue) =>
    [0, 1, 2].map((activation) => ({ epilogue, activation })),
  ),
];

/**
 * What a tile's sums are stored by here: software adapters take most of the time to compile. All of it by tiles that an
 * adapter starts with, one epilogue by each other tile; in test:long all by all.
 */
function storesOf(tile: Tile, at: number): readonly Store[] {
  if (inject('long') || isDefault(tile)) return STORES;
  const epilogues = [...new Set(STORES.map(({ epilogue }) => epilogue))];
  return STORES.filter(({ epilogue }) => epilogue === epilogues[at % epilogues.length]);
}

/** Tiles that wide layers start with on SwiftShader or on a GPU. */
const isDefault = ({ pixels, vectors, channels, quads }: Tile): boolean =>
  quads && (channels === 1 ? pixels === 4 && vectors === 4 : vectors === 2);

const label = ({ pixels, vectors, channels, quads, narrow, flat }: Tile): string =>
  `${pixels} pixels x ${vectors} vec4, ${channels} channels a turn${quads ? ', quads' : ''}${narrow ? ', narrow' : ''}${flat ? ', one loop' : ''}`;

/** Tiles that meet the shapes here: those that an adapter starts with, and of the others every third; in test:long all. */
const metBy = (
  tiles: readonly Tile[],
): readonly { readonly tile: Tile; readonly at: number; readonly name: string }[] =>
  tiles
    .map((tile, at) => ({ tile, at, name: label(tile) }))
    .filter(({ tile, at }) => inject('long') || isDefault(tile) || at % 3 === 1);

const ACTIVATIONS = [
  (value: number) => value,
  (value: number) => Math.max(value, 0),
  (value: number) => Math.min(Math.max(value, 0), 6),
] as const;

function addForward(batch: Batch, tile: Tile, problem: Problem, store = PLAIN, seed = 0, compare = near): void {
  const { g, source, weights, y } = problem;
  const { epilogue, activation } = store;
  const { kernel, shape, grid, tables, tiles } = forwardLaunch(tile, g, epilogue);
  const width = g.outVectors * 4;
  const channels = (k: number): Float32Array => padChannels(noise(g.outChannels, seed + k), g.outChannels);
  const pixels = y.length / width;
  const like = (k: number): Float32Array => padChannels(noise(pixels * g.outChannels, seed + k), g.outChannels);
  const [before, added] = [like(1), like(2)];
  const [pivots, shift] = [channels(3), channels(4)];
  // Large enough that ReLU6 cuts off.
  const scale = channels(5).map((value) => value * 5);
  const folded = epilogue === 'folded' || epilogue === 'folded-add';
  const parts = epilogue === 'moments' ? momentParts(tile, tiles) : 0;
  const expected = y.map((value, i) => {
    const sum = epilogue === 'accumulate' ? value + (before[i] ?? NaN) : value;
    if (!folded) return sum;
    const normed = sum * (scale[i % width] ?? NaN) + (shift[i % width] ?? NaN);
    return ACTIVATIONS[activation]?.(epilogue === 'folded-add' ? normed + (added[i] ?? NaN) : normed) ?? NaN;
  });
  batch.add(
    kernel,
    {
      ...tables,
      source,
      weights,
      perChannel: parts ? pivots : folded ? Float32Array.from([...scale, ...shift]) : NOTHING,
      added: epilogue === 'folded-add' ? added : NOTHING,
      output: epilogue === 'accumulate' ? before : unwritten(y.length / 4),
      partials: parts ? unwritten(parts * 2 * g.outVectors) : NOTHING,
    },
    { ...shape, activation, parts } satisfies Record<StoreField, number>,
    grid,
    ({ output, partials }) => {
      const about = `${kernel.label} ${problem.name} ${JSON.stringify(store)}`;
      compare(output, expected, about);
      if (!parts) return;
      // In double precision, of the values that tfjs computes.
      const sums = [new Float64Array(width), new Float64Array(width)] as const;
      y.forEach((value, i) => {
        const difference = value - (pivots[i % width] ?? NaN);
        sums[0][i % width]! += difference;
        sums[1][i % width]! += difference ** 2;
      });
      const found = [new Float64Array(width), new Float64Array(width)] as const;
      partials.forEach((value, i) => (found[Math.floor(i / width) % 2 === 0 ? 0 : 1][i % width]! += value));
      compare(found[0], sums[0], about);
      compare(found[1], sums[1], about);
    },
  );
}

function addInputGradient(batch: Batch, tile: Tile, problem: Problem, accumulate = 0, compare = near): void {
  const { g, gradient, transposed, dx } = problem;
  const { kernel, shape, grid, tables } = inputGradientLaunch(tile, g, accumulate ? 'accumulate' : 'plain');
  const before = placeInputs(g, noise(g.images * g.inHeight * g.inWidth * placesOf(g).length, 9));
  batch.add(
    kernel,
    {
      ...tables,
      source: gradient,
      weights: transposed,
      perChannel: NOTHING,
      added: NOTHING,
      output: accumulate ? before : unwritten(dx.length / 4),
      partials: NOTHING,
    },
    { ...shape, ...PLAIN_STORE },
    grid,
    ({ output }) => {
      const expected = accumulate ? dx.map((value, i) => value + (before[i] ?? NaN)) : dx;
      compare(output, expected, `${kernel.label} ${problem.name} accumulate ${accumulate}`);
    },
  );
}

function addKernelGradient(batch: Batch, tile: GradientTile, problem: Problem, threads: number, compare = near): void {
  const { g, source, gradient, dw } = problem;
  const { kernel, shape, grid, tables, parts, size } = kernelGradientLaunch(tile, g, threads);
  batch.add(kernel, { ...tables, source, gradient, partials: unwritten(parts * size) }, shape, grid, ({ partials }) =>
    batch.add(
      sumParts(false),
      { partials, sums: unwritten(size) },
      { size, parts },
      sumGrid(false, size),
      ({ sums }) => {
        const about = `${kernel.label} ${problem.name} in ${parts} parts`;
        compare(sums, dw, about);
        // Padding must stay zero: momentum SGD would otherwise grow weights that do not exist.
        const padding = sums.slice();
        eachWeight(g, (_plain, padded) => (padding[padded] = 0));
        expect(
          padding.every((value) => value === 0),
          about,
        ).toBe(true);
      },
    ),
  );
}

describe.each(SETS)('$name', ({ problems, tiles, every, everyInputGradient }) => {
  /** The shapes of a tile. */
  const share = async (at: number, nth = every): Promise<readonly Problem[]> =>
    (await problems()).filter((_, i) => (i + at) % nth === 0);

  test('there are enough shapes', async () => {
    expect((await problems()).length).toBeGreaterThanOrEqual(SHAPES);
  });

  describe.each(metBy(tiles))('$name', ({ tile, at }) => {
    test('forward equals tf.conv2d and what is fused behind it', async () => {
      const batch = bench.batch();
      const stores = storesOf(tile, at);
      (await share(at)).forEach((problem, i) => {
        addForward(batch, tile, problem);
        // From tile to tile another one, so that every shape meets several.
        addForward(batch, tile, problem, stores[(i + at) % stores.length], i);
      });
      await batch.run();
    });

    test('input gradient equals that of tf.conv2d, written or added', async () => {
      const batch = bench.batch();
      const met = await share(at, everyInputGradient);
      const both = inject('long') || isDefault(tile);
      met.forEach((problem, i) => addInputGradient(batch, tile, problem, (both ? i + Math.floor(at / 2) : at) % 2));
      await batch.run();
    });
  });

  test.each(GRADIENT_TILES.map((tile, at) => ({ ...tile, at })))(
    'kernel gradient equals that of tf.conv2d however the rows are split, $vectors vec4, quads $quads',
    async ({ at, ...tile }) => {
      const batch = bench.batch();
      for (const problem of await share(at)) {
        for (const threads of [1, 300]) addKernelGradient(batch, tile, problem, threads);
      }
      await batch.run();
    },
  );
});

/** One pass of plain loops in double precision. */
function loops(g: Geometry, x: ArrayLike<number>, w: ArrayLike<number>): Float64Array {
  const inputs = placesOf(g).length;
  const y = new Float64Array(g.images * g.outHeight * g.outWidth * g.outChannels);
  for (let i = 0; i < y.length; i++) {
    const o = i % g.outChannels;
    const pixel = Math.floor(i / g.outChannels);
    const ox = pixel % g.outWidth;
    const oy = Math.floor(pixel / g.outWidth) % g.outHeight;
    const image = Math.floor(pixel / (g.outWidth * g.outHeight));
    for (let tap = 0; tap < g.kernel ** 2; tap++) {
      const iy = oy * g.stride + Math.floor(tap / g.kernel) - g.padTop;
      const ix = ox * g.stride + (tap % g.kernel) - g.padLeft;
      if (iy < 0 || iy >= g.inHeight || ix < 0 || ix >= g.inWidth) continue;
      for (let c = 0; c < inputs; c++) {
        const at = ((image * g.inHeight + iy) * g.inWidth + ix) * inputs + c;
        y[i]! += (x[at] ?? NaN) * (w[(tap * inputs + c) * g.outChannels + o] ?? NaN);
      }
    }
  }
  return y;
}

/** Gradients of sum(dy * y) by central differences: independent of tfjs and of any formula for a gradient. */
function byDifferences(g: Geometry, given: Pick<Plain, 'x' | 'w' | 'dy'>): Plain {
  const x = Float64Array.from(given.x);
  const w = Float64Array.from(given.w);
  const loss = (): number => loops(g, x, w).reduce((sum, value, i) => sum + value * (given.dy[i] ?? NaN), 0);
  const slopes = (of: Float64Array): Float64Array =>
    of.map((value, i) => {
      of[i] = value + STEP;
      const above = loss();
      of[i] = value - STEP;
      const below = loss();
      of[i] = value;
      return (above - below) / (2 * STEP);
    });
  return { ...given, y: loops(g, x, w), dx: slopes(x), dw: slopes(w) };
}
/** A power of two: integers stay exact. */
const STEP = 1 / 64;

/** Forward and input gradient of a problem, in the tiles that each kind of adapter starts with. */
function addPasses(batch: Batch, problem: Problem, compare?: Compare): void {
  for (const tile of TILES.filter(isDefault)) {
    addForward(batch, tile, problem, PLAIN, 0, compare);
    addInputGradient(batch, tile, problem, 0, compare);
  }
}

function addKernelGradients(batch: Batch, problem: Problem, compare?: Compare): void {
  for (const threads of [1, 300]) addKernelGradient(batch, { vectors: 2, quads: true }, problem, threads, compare);
}

function addAll(batch: Batch, problem: Problem, compare?: Compare): void {
  addPasses(batch, problem, compare);
  addKernelGradients(batch, problem, compare);
}

const SMALL = { images: 2, height: 5, width: 6, outputs: 3 };

test.each<[string, Form, ConvCase]>([
  ['3x3', 'row lines', { ...SMALL, kernel: 3, stride: 1, classes: [{ channels: 2, taps: allTaps(3) }] }],
  ['3x3, stride 2', 'row lines', { ...SMALL, kernel: 3, stride: 2, classes: [{ channels: 5, taps: allTaps(3) }] }],
  ['1x1, stride 2', 'rows', { ...SMALL, kernel: 1, stride: 2, classes: [{ channels: 3, taps: [0] }] }],
  ['5x5, stride 3', 'rows', { ...SMALL, kernel: 5, stride: 3, classes: [{ channels: 1, taps: allTaps(5) }] }],
  [
    'every other tap',
    'rows',
    {
      ...SMALL,
      kernel: 3,
      stride: 1,
      classes: [
        { channels: 2, taps: [0, 2, 4, 6, 8] },
        { channels: 3, taps: [1, 3, 5, 7] },
      ],
    },
  ],
  ...[1, 2].map((stride): [string, Form, ConvCase] => [
    `columns, stride ${stride}`,
    'column lines',
    {
      ...SMALL,
      kernel: 3,
      stride,
      classes: [
        { channels: 2, taps: [2, 5, 8] },
        { channels: 5, taps: [0, 3, 6] },
      ],
    },
  ]),
  [
    'some taps, stride 2',
    'rows',
    {
      ...SMALL,
      kernel: 3,
      stride: 2,
      classes: [
        { channels: 1, taps: [2, 3, 8] },
        { channels: 2, taps: [0] },
      ],
    },
  ],
])('%s equals finite differences of plain loops', async (name, form, shape) => {
  const g = geometryOf(shape, form);
  const batch = bench.batch();
  for (const problem of await problemsOf([{ name, g, plain: byDifferences(g, values(g, 50)) }])) addAll(batch, problem);
  await batch.run();
});

describe('the worked example of strided sparsity, in whole numbers', () => {
  // Images of 4 x 4 without padding; two source maps, two output maps.
  const pixels = Array.from({ length: 16 }, (_, i) => i);
  const x = Float32Array.from(pixels.flatMap((i) => [i + 1, (i % 3) - 1]));
  /** By output map and source map. */
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
  const dy = interleaved([1, 0, -1, 2], [0, 1, 1, 0]);

  const geometry = (classes: Geometry['classes'], form: Form): Geometry => ({
    ...geometryOf({ images: 1, height: 4, width: 4, classes, outputs: 2, kernel: 3, stride: 1 }, form),
    outHeight: 2,
    outWidth: 2,
    padTop: 0,
    padLeft: 0,
  });
  const given = (g: Geometry): Pick<Plain, 'x' | 'w' | 'dy'> => {
    const w = new Float32Array(36);
    eachWeight(g, (at) => (w[at] = kernels[at % 2]?.[Math.floor(at / 2) % 2]?.[Math.floor(at / 4)] ?? NaN));
    return { x, w, dy };
  };

  test('strided', async () => {
    const g = geometry(
      [
        { channel: 0, channels: 1, taps: [1, 3, 5, 7] },
        { channel: 4, channels: 1, taps: [0, 2, 4, 6, 8] },
      ],
      'rows',
    );
    // By row of the lowered matrix, nine of them.
    const sums = interleaved([10, 16, 20, 26, 1, 2, 2, 2, -3], [9, 15, 19, 25, 0, -2, -2, -2, 2]);
    const dw = new Float32Array(36);
    let next = 0;
    eachWeight(g, (at) => (dw[at] = sums[next++] ?? NaN));
    expect(next).toBe(18);
    const y = interleaved([152, 152, 212, 254], [-22, -30, -42, -44]);
    const checked = byDifferences(g, given(g));
    expect(Array.from(checked.y)).toEqual([...y]);
    const batch = bench.batch();
    const problems = await problemsOf([{ name: 'strided', g, plain: { ...checked, y, dw } }]);
    for (const problem of problems) addAll(batch, problem, same);
    await batch.run();
  });

  test.each<Form>(['row lines', 'rows'])('dense, form %s', async (form) => {
    const g = geometry([{ channel: 0, channels: 2, taps: allTaps(3) }], form);
    const y = interleaved([348, 393, 528, 573], [8, 3, 6, 13]);
    const checked = byDifferences(g, given(g));
    expect(Array.from({ length: 9 }, (_, tap) => checked.dw[tap * 4])).toEqual([8, 10, 12, 16, 18, 20, 24, 26, 28]);
    const batch = bench.batch();
    for (const problem of await problemsOf([{ name: 'dense', g, plain: { ...checked, y } }])) {
      addPasses(batch, problem, same);
      if (form === 'rows') addKernelGradients(batch, problem, same);
    }
    await batch.run();
  });

  test('dense, kernel gradient by lines: with padding, where the gradient is zero around the example', async () => {
    const classes = [{ channel: 0, channels: 2, taps: allTaps(3) }];
    const g = geometryOf({ images: 1, height: 4, width: 4, classes, outputs: 2, kernel: 3, stride: 1 }, 'row lines');
    const framed = new Float32Array(32);
    const inner = [5, 6, 9, 10];
    inner.forEach((pixel, i) => framed.set(dy.subarray(i * 2, i * 2 + 2), pixel * 2));
    const checked = byDifferences(g, { ...given(g), dy: framed });
    expect(Array.from({ length: 9 }, (_, tap) => checked.dw[tap * 4])).toEqual([8, 10, 12, 16, 18, 20, 24, 26, 28]);
    const batch = bench.batch();
    for (const problem of await problemsOf([{ name: 'dense', g, plain: checked }])) addAll(batch, problem, same);
    await batch.run();
  });
});

/** Values of two channels, one after the other, as they lie in memory. */
function interleaved(first: readonly number[], second: readonly number[]): Float32Array {
  return Float32Array.from(first.flatMap((value, i) => [value, second[i] ?? NaN]));
}
