import { describe, expect, test } from 'vitest';
import { buildNetwork, denseStructure, initialParameters } from '../../core/network/index.ts';
import type { Engine, StorageType } from '../engine.ts';
import { openTfjsEngine } from '../tfjs/index.ts';
import type { Device } from './device.ts';
import { WebGpuEngine } from './index.ts';
import { KernelSet, KernelSets } from './kernel-set.ts';
import { lossScaleOf } from './loss-scale.ts';
import type { Pipelines } from './pipelines.ts';
import { defaultTuning, parseVariants, runsOn, variantsOf } from './tuning.ts';

const NETWORK = buildNetwork('convnet-micro', 0.25);

/** A device of which only the name and the features are asked for. */
const deviceWith = (features: readonly string[]): Device =>
  ({
    features,
    software: false,
    info: { vendor: 'acme', architecture: 'one', device: '', description: '' },
    adapter: { vendor: 'acme', architecture: 'one', description: 'ACME One' },
    lost: new Promise(() => undefined),
  }) as unknown as Device;

const tuning = defaultTuning(deviceWith(['subgroups', 'shader-f16']));

/** Opens a trainer whose data does not matter: it is refused before. */
const opening = (engine: Engine, storage: StorageType): Promise<unknown> =>
  engine.open(NETWORK, denseStructure(NETWORK), initialParameters(NETWORK, 1), {
    data: engine.openData({ train: 1, holdOut: 1, test: 1 }),
    seed: 1,
    batchSize: 1,
    augment: { crop: false, flip: false },
    labelSmoothing: 0,
    batch: () => Uint32Array.of(0),
    storage,
  });

describe('f16 is refused with what to set', () => {
  test('by an adapter without shader-f16', async () => {
    const engine = new WebGpuEngine(deviceWith(['subgroups']), {}, {} as Pipelines);
    engine.openData = () => ({ layout: { train: 1, holdOut: 1, test: 1 }, write: () => {}, dispose: () => {} });
    await expect(opening(engine, 'f16')).rejects.toThrow(
      'train.storage: ACME One does not offer shader-f16; set train.storage to "f32".',
    );
    // That the data is another engine's is found out after.
    await expect(opening(engine, 'f32')).rejects.toThrow(/another engine/);
  });

  test('by TensorFlow.js', async () => {
    const engine = await openTfjsEngine({ backend: 'cpu' });
    await expect(opening(engine, 'f16')).rejects.toThrow(
      /^train\.storage: TensorFlow\.js .* does not offer shader-f16; set train\.storage to "f32"\.$/,
    );
  });
});

describe('variants', () => {
  test('say how activations are stored; those of earlier versions mean f32', () => {
    expect(tuning.storage).toBe('f32');
    expect(parseVariants(variantsOf({ ...tuning, storage: 'f16' })).storage).toBe('f16');
    const { storage: _, ...earlier } = tuning;
    expect(parseVariants(JSON.stringify(earlier))).toEqual(tuning);
    expect(() => parseVariants(JSON.stringify({ ...tuning, storage: 'f8' }))).toThrow(/does not know/);
  });

  test('in f16 run only where there is shader-f16', () => {
    const half = { ...tuning, storage: 'f16' } as const;
    expect(runsOn(half, deviceWith(['subgroups', 'shader-f16']))).toBe(true);
    expect(runsOn(half, deviceWith(['subgroups']))).toBe(false);
    expect(runsOn(tuning, deviceWith(['subgroups']))).toBe(true);
  });

  test('of a checkpoint give the tiles, the trainer its storage', () => {
    const own = new KernelSet(tuning);
    const sets = new KernelSets(own, (other) => other.threads < 1_000);
    const theirs = { ...tuning, threads: 512, storage: 'f16' } as const;
    expect(sets.of(variantsOf(theirs), 'f32').tuning).toEqual({ ...theirs, storage: 'f32' });
    expect(sets.of(variantsOf(theirs), 'f16').tuning).toEqual(theirs);
    // Tiles that cannot run here give way to the engine's own.
    expect(sets.of(variantsOf({ ...theirs, threads: 2_048 }), 'f16').tuning).toEqual({ ...tuning, storage: 'f16' });
    expect(sets.of(variantsOf({ ...theirs, threads: 2_048 }), 'f32')).toBe(own);
  });
});

test('kernels are compiled apart by what they store, and once where they store no activations', () => {
  const labels = (storage: StorageType): string[] =>
    new KernelSet({ ...tuning, storage }).all(new Set(['3x3', 'rows'])).map(({ label }) => label);
  const [full, half] = [labels('f32'), labels('f16')];
  expect(half.length).toBe(full.length);
  expect(half.map((label) => label.replace(/ f16$/, ''))).toEqual(full);
  expect(half).toContain('scale-shift f16');
  expect(half).toContain('sgd');
});

test('the loss is scaled by a power of two in proportion to the batch, in f16 alone', () => {
  expect([1, 50, 64, 512].map((batch) => lossScaleOf('f16', batch))).toEqual([256, 2 ** 14, 2 ** 14, 2 ** 17]);
  expect(lossScaleOf('f32', 50)).toBe(1);
});
