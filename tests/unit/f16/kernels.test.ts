import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { floatsOf } from '../../../src/engine/webgpu/halves.ts';
import { KernelSet, type LayerKind } from '../../../src/engine/webgpu/kernel-set.ts';
import type { BufferUse, Kernel } from '../../../src/engine/webgpu/kernel.ts';
import { type Batch, KernelBench, noise, toHalf } from '../../../src/engine/webgpu/testing.ts';
import { type Tuning, defaultTuning } from '../../../src/engine/webgpu/tuning.ts';
import { halfDevices } from './adapter.ts';
import { type Recorded, dispatchesOf, generatedNetwork } from './dispatches.ts';

/** Rounding to the nearest f16 changes a value by at most this share of it. */
const ROUNDING = 2 ** -11;
/** Smallest normal f16: adapters may flush what is smaller to zero. */
const SMALLEST = 2 ** -14;
/** Both kernels compute alike in f32, but compilers may contract a product and a sum in one of them. */
const CONTRACTION = 1e-5;

const NETWORKS = 6;
const BATCH = 3;

/** Values of the longest buffer. */
const LONGEST = 2 ** 21;

interface Contents {
  readonly full: Float32Array | Uint32Array | Int32Array;
  /** The same numbers in f16; for buffers that no kernel holds in f16 the same bits. */
  readonly half: Float32Array | Uint32Array | Int32Array | Uint16Array;
}

/** Noise in f16 and exactly the same numbers in f32, cut to size for every buffer. */
const HALVES = Uint16Array.from(noise(LONGEST, 1), toHalf);
const FULL = floatsOf(HALVES.buffer, 'f16');
const COUNTS = Uint32Array.from(noise(LONGEST, 2), (value) => Math.floor(Math.abs(value) * 4));

const devices = await halfDevices();

describe.skipIf(devices.missing)(`kernels with activations in f16, ${devices.about}`, () => {
  let bench: KernelBench;
  beforeAll(async () => {
    bench = KernelBench.of(await devices.open());
  });
  afterAll(() => bench.dispose());

  test.each([
    ['of software adapters', true],
    ['of GPUs', false],
  ])('tiles %s compute what those in f32 do, rounded', async (_, software) => {
    const { info, features } = bench.device;
    // Sums over work-group memory are no kernels of activations, and must not reach a software adapter.
    const tuning: Tuning = { ...defaultTuning({ info, features, software }), threads: 256, wide: false };
    const kernels = new KernelSet(tuning);
    const batch = bench.batch({ count: BATCH, lossScale: 256, labelSmoothing: 0.1 });
    const met = new Set<string>();
    for (let seed = 0; seed < NETWORKS; seed++) {
      const network = generatedNetwork(seed);
      for (const mode of ['train', 'infer'] as const) {
        dispatchesOf(network, kernels, BATCH, mode).forEach((dispatch, index) => {
          if (!dispatch.kernel.half) return;
          met.add(familyOf(dispatch.kernel));
          addBoth(batch, dispatch, index, `${dispatch.kernel.label}, ${mode}, network ${seed}, dispatch ${index}`);
        });
      }
    }
    await batch.run();
    // Batches are assembled outside a plan's passes: training covers that.
    const families = new Set(kernels.all(KINDS).flatMap((kernel) => (kernel.half ? [familyOf(kernel)] : [])));
    expect([...families].filter((family) => !met.has(family))).toEqual(['assemble']);
    // Those of poolings are in no list: every plan has its own.
    expect([...met]).toEqual(expect.arrayContaining(['max-pool', 'max-pool-gradient']));
  });
});

const KINDS: ReadonlySet<LayerKind> = new Set([
  '3x3',
  '3x3 strided',
  'rows',
  'depthwise',
  'depthwise strided',
  'avgPool',
  'gate',
]);
/** Kernels but for their tiles. */
const familyOf = ({ label }: Kernel): string => label.replace(/ \d+x\d+.*| \d+q?f?$/, '');

const isStored = ([, type]: BufferUse): boolean => type.includes('Stored');

/** What a buffer holds: numbers that f16 has too; small whole numbers where it counts. */
function contentsOf(use: BufferUse, bytes: number, seed: number): Contents {
  const length = Math.ceil(bytes / 16) * 4;
  const from = (seed * 1_009) % (LONGEST - length);
  const cut = <Values extends Float32Array | Uint32Array | Uint16Array>(values: Values): Values =>
    values.slice(from, from + length) as Values;
  if (use[1].includes('u32')) return { full: cut(COUNTS), half: cut(COUNTS) };
  return { full: cut(FULL), half: isStored(use) ? cut(HALVES) : cut(FULL) };
}

/** Adds a dispatch with activations in f32 and, on the same values, in f16. */
function addBoth(batch: Batch, { kernel, shape, grid, tables, bytes }: Recorded, seed: number, about: string): void {
  const { half } = kernel;
  if (!half) return;
  const uses = Object.entries<BufferUse>(kernel.buffers);
  const contents = uses.map(([name, use], i): readonly [string, Contents] => {
    const table = tables[name];
    return [name, table ? { full: table, half: table } : contentsOf(use, bytes[name] ?? 0, 7 * seed + i)];
  });
  const filled = <Kind extends keyof Contents>(kind: Kind): Record<string, Contents[Kind]> =>
    Object.fromEntries(contents.map(([name, values]) => [name, values[kind]]));
  batch.add(kernel, filled('full'), shape, grid, (expected) =>
    batch.add(half, filled('half'), shape, grid, (found) => {
      for (const [name, use] of uses) {
        if (use[0] === 'read') continue;
        const actual = isStored(use) ? floatsOf(found[name]?.buffer as ArrayBuffer, 'f16') : found[name];
        const error = worstError(actual, expected[name], isStored(use));
        expect(error, `${about}: ${name}`).toBeLessThanOrEqual(1);
      }
    }),
  );
}

/** Largest difference, in units of what is allowed. */
function worstError(actual: Float32Array | undefined, expected: Float32Array | undefined, rounded: boolean): number {
  if (!actual || !expected || actual.length !== expected.length) return Infinity;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const [a, e] = [actual[i] ?? NaN, expected[i] ?? NaN];
    const allowed = CONTRACTION * largest + (rounded ? Math.max(ROUNDING * Math.abs(e), SMALLEST) : 0);
    const error = Object.is(a, e) || a === e ? 0 : Math.abs(a - e) / allowed;
    // A NaN must not disappear in a comparison.
    worst = Number.isNaN(error) ? Infinity : Math.max(worst, error);
  }
  return worst;
}
