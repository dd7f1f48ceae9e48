import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Tensors, buildNetwork, denseStructure, initialParameters } from '../../../src/core/network/index.ts';
import { openCifar10 } from '../../../src/data/cifar10.ts';
import { fileSource } from '../../../src/data/file-source.ts';
import { batchOrder } from '../../../src/data/order.ts';
import type { Checkpoint, Hyper, StorageType, Trainer } from '../../../src/engine/engine.ts';
import { fromHalf } from '../../../src/engine/webgpu/halves.ts';
import { WebGpuEngine } from '../../../src/engine/webgpu/index.ts';
import { toHalf } from '../../../src/engine/webgpu/testing.ts';
import { parseVariants } from '../../../src/engine/webgpu/tuning.ts';
import { halfDevices } from './adapter.ts';

const IMAGES = 1_000;
const HYPER: Hyper = { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 5e-4 };
const hyperAt = (): Hyper => HYPER;
/** Nothing but the gradient: it is the momentum after a step from none. */
const STILL: Hyper = { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 };

const devices = await halfDevices();

describe.skipIf(devices.missing)(`training with activations in f16, ${devices.about}`, { timeout: 120_000 }, () => {
  let engine: WebGpuEngine;
  let images: { readonly pixels: Uint8Array; readonly labels: Uint8Array };
  const opened: Trainer[] = [];

  beforeAll(async () => {
    engine = new WebGpuEngine(await devices.open());
    const cifar = await openCifar10(fileSource(join(import.meta.dirname, '../../../public/data')));
    const [shard] = cifar.manifest.shards;
    if (!shard) throw new Error('there is no data; run npm start once');
    images = await cifar.load(shard);
  });
  afterEach(() => opened.splice(0).forEach((trainer) => trainer.dispose()));
  afterAll(() => engine.dispose());

  /** A trainer on the first real training images. */
  const open = async (storage: StorageType, id = 'convnet-micro', width = 1, batchSize = 50): Promise<Trainer> => {
    const network = buildNetwork(id, width);
    const data = engine.openData({ train: IMAGES, holdOut: 1, test: IMAGES });
    const { pixels, labels } = images;
    for (const split of ['train', 'test'] as const) {
      data.write(split, 0, pixels.slice(0, IMAGES * 3_072), labels.slice(0, IMAGES));
    }
    const order = batchOrder({ seed: 1, train: IMAGES, shardSizes: [IMAGES], batchSize });
    const trainer = await engine.open(network, denseStructure(network), initialParameters(network, 1), {
      data,
      seed: 1,
      batchSize,
      augment: { crop: true, flip: true },
      labelSmoothing: 0,
      batch: (step) => order.batch(step),
      storage,
    });
    opened.push(trainer);
    return trainer;
  };

  /**
   * How far the gradient turns (1 - cosine) depends on the network as much as on rounding: that of a fresh
   * mobilenetv2-cifar turns by 0.1 to 0.2 in f32 when its weights alone are rounded to f16, since its activation
   * functions bend there. A layer's values are rounded four times (its output and its norm's, and their gradients),
   * weights once; independent errors add in squares, and twice that is allowed. Elsewhere the cosine is above 0.999.
   */
  test.each([
    ['convnet-micro', 1, 50],
    ['resnet20', 0.25, 16],
    ['mobilenetv2-cifar', 0.25, 16],
  ])('%s x%d: loss and gradient are those of f32, fresh and after training', async (id, width, batch) => {
    const [full, half] = [await open('f32', id, width, batch), await open('f16', id, width, batch)];
    for (const trained of [0, 15]) {
      await full.train(trained, hyperAt);
      const from = { ...(await full.checkpoint()), momentum: new Map() };
      const exact = await stepFrom(full, from);
      const stored = await stepFrom(half, from);
      const rounded = await stepFrom(full, { ...from, parameters: inHalf(from.parameters) });
      expect(Math.abs(stored.loss / exact.loss - 1)).toBeLessThan(1e-3);
      const turned = turn(stored.gradient, exact.gradient);
      expect(turned).toBeLessThan(Math.max(1e-3, 8 * turn(rounded.gradient, exact.gradient)));
      expect(Math.abs(length(stored.gradient) / length(exact.gradient) - 1)).toBeLessThan(0.03);
      await full.restore(from);
    }
  });

  test('60 steps of convnet-micro reach the loss of f32', async () => {
    const reached = async (storage: StorageType): Promise<number> => {
      const { loss } = await (await open(storage, 'convnet-micro', 1, 32)).train(60, hyperAt);
      return loss.slice(40).reduce((sum, value) => sum + value, 0) / 20;
    };
    // Means over the last 20 batches; five runs from weights that differed by 1e-6 of them ended up to 0.02 apart.
    expect(Math.abs((await reached('f16')) - (await reached('f32')))).toBeLessThan(0.05);
  });

  test('the same run gives the same bits, also when it goes on from a checkpoint', async () => {
    const [a, b, resumed] = [await open('f16'), await open('f16'), await open('f16')];
    await a.train(6, hyperAt);
    await b.train(3, hyperAt);
    const checkpoint = await b.checkpoint();
    expect(parseVariants(checkpoint.variants ?? '').storage).toBe('f16');
    await b.train(3, hyperAt);
    await resumed.restore(checkpoint);
    await resumed.train(3, hyperAt);
    const expected = await a.checkpoint();
    expect(await b.checkpoint()).toEqual(expected);
    expect(await resumed.checkpoint()).toEqual(expected);
  });

  test('a checkpoint of f32 goes on in f16 where the trainer says so, and the other way round', async () => {
    const [full, half] = [await open('f32'), await open('f16')];
    await full.train(2, hyperAt);
    await half.restore(await full.checkpoint());
    const checkpoint = await half.checkpoint();
    expect(parseVariants(checkpoint.variants ?? '').storage).toBe('f16');
    await full.restore(checkpoint);
    expect(parseVariants((await full.checkpoint()).variants ?? '').storage).toBe('f32');
  });

  test('probes compute in f32', async () => {
    const [full, half] = [await open('f32'), await open('f16')];
    const synflow = {
      inputs: 'ones',
      loss: 'sumOfLogits',
      parameters: 'absolute',
      batchNorm: 'running',
      rescale: true,
    } as const;
    for (const request of [{ inputs: { step: 0 } }, synflow]) {
      expect(await half.gradients(request)).toEqual(await full.gradients(request));
    }
    const request = { inputs: { step: 0 }, nodes: ['conv2'], gradients: true };
    expect(await half.activations(request)).toEqual(await full.activations(request));
    // Training goes on as if nothing had been asked.
    const { loss } = await half.train(2, hyperAt);
    expect(loss).toEqual((await (await open('f16')).train(2, hyperAt)).loss);
  });

  test('the update under rules undoes the scale of the loss like the plain one', async () => {
    const [plain, ruled] = [await open('f16'), await open('f16')];
    const names = [...(await ruled.read()).keys()].filter((name) => !/mean|variance/.test(name));
    await ruled.setRules(new Map(names.map((name) => [name, { learningRateScale: 1 }])));
    await plain.train(3, hyperAt);
    await ruled.train(3, hyperAt);
    expect(await ruled.checkpoint()).toEqual(await plain.checkpoint());
  });

  test('evaluation, prediction and latency use the storage of the trainer', async () => {
    const [full, half] = [await open('f32'), await open('f16')];
    await full.train(10, hyperAt);
    await half.restore(await full.checkpoint());
    const [exact, stored] = [await full.evaluate('test'), await half.evaluate('test')];
    expect(stored.loss).not.toBe(exact.loss);
    expect(Math.abs(stored.loss / exact.loss - 1)).toBeLessThan(1e-3);
    const some = images.pixels.slice(0, 70 * 3_072);
    const logits = await half.predict(some);
    const largest = Math.max(...logits.map(Math.abs));
    (await full.predict(some)).forEach((logit, i) => {
      expect(Math.abs((logits[i] ?? NaN) - logit)).toBeLessThan(0.01 * largest);
    });
    // What was read are numbers that f16 has.
    expect([...logits]).toEqual([...logits].map((logit) => fromHalf(toHalf(logit))));
    expect((await half.latency(4)).median).toBeGreaterThan(0);
  });

  test('takes less memory, in training and after a change of structure', async () => {
    const [full, half] = [await open('f32'), await open('f16')];
    expect(half.bytes).toBeLessThan(0.65 * full.bytes);
    const group = Object.keys(half.structure.channels).find((id) => (half.structure.channels[id]?.length ?? 0) > 10);
    await half.restructure({ channels: { ...half.structure.channels, [group ?? '']: [0, 2, 3] } });
    const { loss } = await half.train(2, hyperAt);
    expect(loss.every(Number.isFinite)).toBe(true);
    expect(half.bytes).toBeLessThan(0.65 * full.bytes);
  });
});

/** Loss and gradient of the step that follows a checkpoint without momentum. */
async function stepFrom(trainer: Trainer, from: Checkpoint): Promise<{ loss: number; gradient: Tensors }> {
  await trainer.restore(from);
  const { loss } = await trainer.train(1, () => STILL);
  return { loss: loss[0] ?? NaN, gradient: (await trainer.checkpoint()).momentum };
}

const inHalf = (tensors: Tensors): Tensors =>
  new Map([...tensors].map(([name, values]) => [name, values.map((value) => fromHalf(toHalf(value)))]));

/** Product of two whole-network gradients. */
function product(a: Tensors, b: Tensors): number {
  let sum = 0;
  for (const [name, values] of a) {
    const other = b.get(name);
    values.forEach((value, i) => (sum += value * (other?.[i] ?? NaN)));
  }
  return sum;
}
const length = (gradient: Tensors): number => Math.sqrt(product(gradient, gradient));
/** 1 - cosine of the angle between two gradients. */
const turn = (a: Tensors, b: Tensors): number => 1 - product(a, b) / (length(a) * length(b));
