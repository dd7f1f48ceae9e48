import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { differing, hyperAt, openTrainer } from '../../../tests/conformance/harness.ts';
import { buildNetwork } from '../../core/network/index.ts';
import { type Device, requestDevice } from './device.ts';
import { WebGpuEngine, openWebGpuEngine } from './index.ts';
import { Pipelines } from './pipelines.ts';
import { cacheKey, rememberChoices, rememberedChoices } from './tuner-cache.ts';
import { type Candidates, candidatesOf, isAmong, tune, winner } from './tuner.ts';
import {
  type ByLineClass,
  type GradientSizes,
  type LineSizes,
  type Tuning,
  byLineClass,
  defaultTuning,
  parseVariants,
  variantsOf,
} from './tuning.ts';

const NETWORK = buildNetwork('convnet-micro');
const BATCH = 8;
const IMAGES = {
  pixels: Uint8Array.from({ length: 32 * 3_072 }, (_, i) => (i * 2_654_435_761) >>> 24),
  labels: Uint8Array.from({ length: 32 }, (_, i) => i % 10),
};

/** An adapter's info as far as the tuner looks at it. */
const named = (names: Partial<GPUAdapterInfo>): GPUAdapterInfo =>
  ({ vendor: '', architecture: '', device: '', description: '', ...names }) as GPUAdapterInfo;

let device: Device;
let defaults: Tuning;
let candidates: ByLineClass<Candidates>;
beforeAll(async () => {
  const found = await requestDevice();
  // Remembers apart from engines that other tests open.
  device = {
    ...found,
    info: named({ architecture: found.info.architecture, device: `test ${performance.timeOrigin}` }),
  };
  defaults = defaultTuning(device);
  candidates = candidatesOf(device.software, defaults);
});
afterAll(() => device.dispose());

const withLines = (lines: LineSizes): Tuning => ({ ...defaults, lines: byLineClass(() => lines) });
const withGradients = (sizes: GradientSizes): Tuning => ({ ...defaults, kernelGradient: byLineClass(() => sizes) });

describe('defaults', () => {
  const defaultsOf = (software: boolean, architecture: string, features = ['subgroups']): Tuning =>
    defaultTuning({ software, features, info: named({ architecture }) });

  test('depend on the kind of adapter', () => {
    expect(defaultsOf(true, 'swiftshader').lines.short).toEqual({
      pixels: 8,
      vectors: [4, 2, 1],
      channels: 1,
      quads: true,
      shared: false,
      mixed: true,
      accumulators: 16,
    });
    expect(defaultsOf(true, 'SwiftShader').kernelGradient.long.vectors).toEqual([2, 1]);
    expect(defaultsOf(true, 'llvmpipe').lines.long).toEqual({
      pixels: 8,
      vectors: [4, 2, 1],
      channels: 1,
      quads: true,
      shared: false,
      mixed: true,
    });
    expect(defaultsOf(true, '').kernelGradient.middle.vectors).toEqual([4, 2, 1]);
    expect(defaultsOf(false, 'ampere').lines.middle).toEqual({
      pixels: 4,
      vectors: [2, 1],
      channels: 4,
      quads: true,
      shared: false,
    });
    expect(defaultsOf(false, 'ampere', []).kernelGradient.short).toEqual({
      vectors: [2, 1],
      quads: false,
      shared: false,
    });
  });

  test('are candidates, and software adapters never share work-group memory or make 16 pixels', () => {
    for (const [software, name] of [
      [true, 'swiftshader'],
      [true, 'llvmpipe'],
      [false, 'ampere'],
    ] as const) {
      const tuning = defaultsOf(software, name);
      const some = candidatesOf(software, tuning);
      expect(isAmong(tuning, some)).toBe(true);
      expect(tuning.wide).toBe(!software);
      for (const { lines, kernelGradient } of Object.values(some)) {
        expect(lines.every(({ pixels }) => pixels <= 8)).toBe(true);
        expect(lines.some(({ shared }) => shared)).toBe(!software);
        expect(kernelGradient.some(({ shared }) => shared)).toBe(!software);
      }
    }
  });

  test('survive being written down', () => {
    const tuning = defaultsOf(false, 'ampere');
    expect(parseVariants(variantsOf(tuning))).toEqual(tuning);
    // Checkpoints from before tiles could share work-group memory.
    expect(parseVariants(variantsOf(tuning).replaceAll(',"shared":false', ''))).toEqual(tuning);
    for (const wrong of ['', '{}', '[1', variantsOf(tuning).replace('"pixels":4', '"pixels":16')]) {
      expect(() => parseVariants(wrong)).toThrow(/kernel variants that this version does not know/);
    }
  });
});

describe('choosing', () => {
  test('the default stays unless another candidate is at least 5 % faster', () => {
    const choose = (...times: number[]): number | undefined =>
      winner(times.map((milliseconds) => ({ milliseconds })))?.milliseconds;
    expect(choose(10, 9.6)).toBe(10);
    expect(choose(10, 9.5, 9)).toBe(9);
    expect(choose(10, Infinity)).toBe(10);
    // Nothing is known about the default.
    expect(choose(Infinity, 1)).toBe(Infinity);
  });

  test('takes candidates only, and measures the default of every class', async () => {
    const { tuning, measured } = await tune(device, new Pipelines(device.device), defaults, { cap: 20_000 });
    expect(isAmong(tuning, candidates)).toBe(true);
    expect(tuning).toEqual({ ...defaults, lines: tuning.lines, kernelGradient: tuning.kernelGradient });
    for (const line of ['long', 'middle', 'short'] as const) {
      for (const [kind, some] of Object.entries(candidates[line])) {
        expect(measured.filter((one) => one.line === line && one.kind === kind)).toHaveLength(some.length);
      }
    }
    expect(measured.every(({ milliseconds }) => milliseconds > 0 && milliseconds < 1_000)).toBe(true);
  });

  test('stops at the cap, compiling included', async () => {
    const started = performance.now();
    const { tuning, measured } = await tune(device, new Pipelines(device.device), defaults, { cap: 30 });
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(tuning).toEqual(defaults);
    expect(measured).toEqual([]);
    // A clock that jumps before the last class: it stays default.
    let calls = 0;
    const now = (): number => (++calls < 30 ? 0 : 1e9);
    const some = await tune(device, new Pipelines(device.device), defaults, { cap: 20_000, now });
    expect(some.measured.length).toBeGreaterThan(0);
    expect(new Set(some.measured.map(({ line }) => line)).has('short')).toBe(false);
    expect(some.tuning.lines.short).toEqual(defaults.lines.short);
  });
});

describe('the cache', () => {
  const other = (): Tuning => ({
    ...defaults,
    lines: { ...defaults.lines, short: candidates.short.lines.at(-1) ?? defaults.lines.short },
    kernelGradient: {
      ...defaults.kernelGradient,
      long: candidates.long.kernelGradient.at(-1) ?? defaults.kernelGradient.long,
    },
  });

  test('remembers choices by adapter, browser and version of the kernels', async () => {
    const key = cacheKey(device);
    expect(key).toMatch(/Chrome\/\d+/);
    expect(await rememberedChoices(key, candidates)).toBeNull();
    await rememberChoices(key, other());
    const { lines, kernelGradient } = other();
    expect(await rememberedChoices(key, candidates)).toEqual({ lines, kernelGradient });
    expect(await rememberedChoices(`${key}?`, candidates)).toBeNull();
  });

  test('is what an engine opens with, unless it is told otherwise', async () => {
    await rememberChoices(cacheKey(device), other());
    expect((await openWebGpuEngine({ device })).info.variants).toBe(variantsOf(other()));
    expect((await openWebGpuEngine({ device, tune: 'never' })).info.variants).toBe(variantsOf(defaults));
    expect((await openWebGpuEngine({ device, tuning: {} })).info.variants).toBe(variantsOf(defaults));
    const measured = await openWebGpuEngine({ device, tune: 'measure' });
    expect((await openWebGpuEngine({ device })).info.variants).toBe(measured.info.variants);
  });

  test('ignores what is broken or no candidate', async () => {
    const key = 'broken';
    const { kernelGradient } = defaults;
    for (const lines of [
      'nonsense',
      { long: defaults.lines.long },
      byLineClass(() => ({ ...defaults.lines.long, pixels: 16 })),
      byLineClass(() => ({ ...defaults.lines.long, pixels: 2 })),
    ]) {
      // What another program, or another version, may have left there.
      await rememberChoices(key, { lines, kernelGradient } as unknown as Tuning);
      expect(await rememberedChoices(key, candidates)).toBeNull();
    }
  });
});

describe('a tuning changes bits, never results', () => {
  test('every candidate of any kind of adapter trains alike', async () => {
    const pipelines = new Pipelines(device.device);
    const losses = async (tuning: Tuning): Promise<readonly number[]> => {
      const trainer = await openTrainer(new WebGpuEngine(device, tuning, pipelines), NETWORK, IMAGES, {
        batchSize: BATCH,
      });
      const { loss } = await trainer.train(3, hyperAt);
      trainer.dispose();
      return [...loss];
    };
    const expected = await losses(defaults);
    const all = [candidates, candidatesOf(false, defaultTuning({ ...device, software: false }))].map(
      ({ long }) => long,
    );
    // Work-group memory must never reach this adapter if it is a software one: work-group-memory.long.test.ts has another.
    const runs = ({ shared }: { readonly shared: boolean }): boolean => !(shared && device.software);
    const lines = all.flatMap((some) => some.lines.filter(runs).map(withLines));
    const gradients = all.flatMap((some) => some.kernelGradient.filter(runs).map(withGradients));
    for (const tuning of [...lines, ...gradients]) {
      (await losses(tuning)).forEach((loss, step) => {
        const about = `${JSON.stringify(tuning.lines.long)} ${JSON.stringify(tuning.kernelGradient.long)} step ${step}`;
        expect(Math.abs(loss - (expected[step] ?? NaN)), about).toBeLessThan(1e-5);
      });
    }
  });

  test('a checkpoint goes on with the variants that trained it, bit for bit', async () => {
    const foreign: Tuning = { ...withLines({ ...defaults.lines.long, pixels: 4, vectors: [1] }), threads: 512 };
    const [a, b] = [new WebGpuEngine(device), new WebGpuEngine(device, foreign)];
    const undisturbed = await openTrainer(b, NETWORK, IMAGES, { batchSize: BATCH });
    await undisturbed.train(2, hyperAt);
    const checkpoint = await undisturbed.checkpoint();
    expect(checkpoint.variants).toBe(b.info.variants);
    await undisturbed.train(3, hyperAt);
    const expected = await undisturbed.read();

    const resumed = await openTrainer(a, NETWORK, IMAGES, { batchSize: BATCH });
    await resumed.train(1, hyperAt);
    await resumed.restore(checkpoint);
    await resumed.train(3, hyperAt);
    expect(differing(await resumed.read(), expected)).toEqual([]);
    expect((await resumed.checkpoint()).variants).toBe(checkpoint.variants);
    expect(await resumed.evaluate('test')).toEqual(await undisturbed.evaluate('test'));

    // Not so with its own variants: the test above would prove nothing.
    const { variants, ...bare } = checkpoint;
    const switched = await openTrainer(a, NETWORK, IMAGES, { batchSize: BATCH });
    await switched.restore({ ...bare, variants: a.kernels.variants });
    await switched.train(3, hyperAt);
    expect(differing(await switched.read(), expected)).not.toEqual([]);
    // And back again, in the trainer that has run both.
    await switched.restore({ ...bare, ...(variants ? { variants } : {}) });
    await switched.train(3, hyperAt);
    expect(differing(await switched.read(), expected)).toEqual([]);

    const before = await switched.read();
    await expect(switched.restore({ ...checkpoint, variants: '{"tile":7}' })).rejects.toThrow(/does not know/);
    expect(differing(await switched.read(), before)).toEqual([]);
  });

  test('variants that the adapter cannot run leave the engine with its own', async () => {
    const engine = new WebGpuEngine({ ...device, features: [], software: true });
    const trainer = await openTrainer(engine, NETWORK, IMAGES, { batchSize: BATCH });
    const { tuning } = engine.kernels;
    const shared = byLineClass(() => ({ ...tuning.lines.long, quads: false, shared: true }));
    for (const foreign of [
      { ...tuning, wide: true },
      { ...tuning, lines: shared },
      { ...tuning, kernelGradient: byLineClass(() => ({ ...tuning.kernelGradient.long, shared: true })) },
    ]) {
      await trainer.restore({ ...(await trainer.checkpoint()), variants: variantsOf(foreign) });
      expect((await trainer.checkpoint()).variants).toBe(engine.info.variants);
    }
  });
});
