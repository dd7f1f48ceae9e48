import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, ZOO, buildNetwork } from '../../src/core/network/index.ts';
import type { Engine, Trainer } from '../../src/engine/engine.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { expectStock } from './bends.ts';
import { type Images, distance, hyperAt, openTrainer, randomStructure, realImages } from './harness.ts';

/** Layers of 1 to 1,280 channels, batches of 1 to 512 images: what a spec may ask for. */
let webgpu: WebGpuEngine;
let tfjs: Engine;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  images = await realImages(512);
});
afterAll(() => webgpu.dispose());

const both = async (
  network: Network,
  options: Parameters<typeof openTrainer>[3],
): Promise<readonly [ours: Trainer, theirs: Trainer]> => [
  await openTrainer(webgpu, network, images, options),
  await openTrainer(tfjs, network, images, options),
];

/**
 * Every kind of layer writes and reads `channels` channels: 3x3 convolutions at both strides, 1x1 ones, a depthwise one,
 * norms, an addition, poolings, a flatten and dense layers; on few pixels, so that stock tfjs keeps up.
 */
const wide = (channels: number): Network => ({
  id: `${channels} channels`,
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'stem', op: 'conv', input: 'input', filters: 3, kernel: 3, stride: 2 },
    { id: 'stem.bn', op: 'batchNorm', input: 'stem' },
    { id: 'stem.relu', op: 'relu', input: 'stem.bn' },
    { id: 'small', op: 'avgPool', input: 'stem.relu', size: 4, stride: 4 },
    { id: 'a', op: 'conv', input: 'small', filters: channels, kernel: 3, stride: 1 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'a.relu', op: 'relu', input: 'a.bn' },
    { id: 'b', op: 'conv', input: 'a.relu', filters: 5, kernel: 3, stride: 1 },
    { id: 'b.bn', op: 'batchNorm', input: 'b' },
    { id: 'b.relu', op: 'relu', input: 'b.bn' },
    { id: 'c', op: 'conv', input: 'b.relu', filters: channels, kernel: 1, stride: 1 },
    { id: 'c.bn', op: 'batchNorm', input: 'c' },
    { id: 'sum', op: 'add', inputs: ['c.bn', 'a.relu'] },
    { id: 'sum.relu', op: 'relu6', input: 'sum' },
    { id: 'd', op: 'depthwiseConv', input: 'sum.relu', kernel: 3, stride: 1 },
    { id: 'd.bn', op: 'batchNorm', input: 'd' },
    { id: 'd.relu', op: 'relu6', input: 'd.bn' },
    { id: 'e', op: 'conv', input: 'd.relu', filters: 4, kernel: 1, stride: 1 },
    { id: 'e.bn', op: 'batchNorm', input: 'e' },
    { id: 'e.relu', op: 'relu', input: 'e.bn' },
    { id: 'f', op: 'conv', input: 'e.relu', filters: channels, kernel: 3, stride: 2 },
    { id: 'f.bn', op: 'batchNorm', input: 'f' },
    { id: 'f.relu', op: 'relu', input: 'f.bn' },
    { id: 'pool', op: 'maxPool', input: 'f.relu', size: 2, stride: 2 },
    { id: 'flat', op: 'flatten', input: 'pool' },
    { id: 'fc', op: 'dense', input: 'flat', units: 6 },
    { id: 'fc.relu', op: 'relu', input: 'fc' },
    { id: 'dense', op: 'dense', input: 'fc.relu', units: 10 },
  ],
});

// 18 and 37 channels are cut into tiles of two sizes on software adapters.
test.each([1, 2, 3, 5, 18, 31, 37, 64, 320, 1_279, 1_280])(
  'layers of %i channels: losses and gradients equal stock tfjs, and so do predictions',
  async (channels) => {
    const network = wide(channels);
    const [ours, theirs] = await both(network, { batchSize: 3 });
    await expectStock(ours, theirs, 2);
    await theirs.restore(await ours.checkpoint());
    const some = images.pixels.slice(0, 5 * 3_072);
    expect(distance(await ours.predict(some), await theirs.predict(some))).toBeLessThan(1e-4);
    for (const trainer of [ours, theirs]) trainer.dispose();
  },
);

test('a network whose layers are cut to single channels equals stock tfjs', async () => {
  for (const [id, width] of [
    ['cnn-small', 0.05],
    ['resnet20', 0.25],
    ['mobilenetv2-cifar', 0.1],
  ] as const) {
    const network = buildNetwork(id, width);
    const structure = randomStructure(network, 0, 2);
    expect(Object.values(structure.channels).filter((kept) => kept.length === 1).length).toBeGreaterThan(6);
    const [ours, theirs] = await both(network, { batchSize: 3, structure });
    const inputs = { step: 0 };
    const [mine, stock] = [await ours.gradients({ inputs }), await theirs.gradients({ inputs })];
    expect(Math.abs(mine.loss - stock.loss) / stock.loss, id).toBeLessThan(1e-5);
    await ours.train(1, hyperAt);
    await theirs.restore(await ours.checkpoint());
    const some = images.pixels.slice(0, 5 * 3_072);
    expect(distance(await ours.predict(some), await theirs.predict(some)), id).toBeLessThan(1e-4);
    for (const trainer of [ours, theirs]) trainer.dispose();
  }
});

describe.each([1, 2, 3, 7, 64, 511, 512])('batches of %i images', (batchSize) => {
  const network: Network = {
    id: 'tiny',
    nodes: [
      { id: 'input', op: 'input', shape: [32, 32, 3] },
      { id: 'a', op: 'conv', input: 'input', filters: 2, kernel: 3, stride: 2 },
      { id: 'a.bn', op: 'batchNorm', input: 'a' },
      { id: 'a.relu', op: 'relu', input: 'a.bn' },
      { id: 'pool', op: 'avgPool', input: 'a.relu', size: 2, stride: 2 },
      { id: 'b', op: 'conv', input: 'pool', filters: 5, kernel: 3, stride: 2 },
      { id: 'b.bn', op: 'batchNorm', input: 'b' },
      { id: 'b.relu', op: 'relu', input: 'b.bn' },
      { id: 'average', op: 'globalAvgPool', input: 'b.relu' },
      { id: 'dense', op: 'dense', input: 'average', units: 10 },
    ],
  };

  test('a step and an evaluation of as many equal stock tfjs', async () => {
    const [ours, theirs] = await both(network, { batchSize });
    await expectStock(ours, theirs, 1);
    await theirs.restore(await ours.checkpoint());
    const [mine, stock] = [await ours.train(1, hyperAt), await theirs.train(1, hyperAt)];
    expect(Math.abs((mine.loss[0] ?? NaN) / (stock.loss[0] ?? NaN) - 1)).toBeLessThan(1e-5);
    expect(mine.accuracy).toEqual(stock.accuracy);
    await theirs.restore(await ours.checkpoint());
    const [own, other] = [await ours.evaluate('test', batchSize), await theirs.evaluate('test', batchSize)];
    expect(own.images).toBe(batchSize);
    expect(Math.abs(own.loss / other.loss - 1)).toBeLessThan(1e-5);
    expect(own.accuracy).toBeCloseTo(other.accuracy, 6);
    for (const trainer of [ours, theirs]) trainer.dispose();
  });
});

/** Width multipliers at which the first layer of each network has a single channel. */
const NARROWEST: Readonly<Record<string, number>> = {
  'convnet-micro': 1 / 8,
  plain5: 1 / 16,
  'vgg-small': 1 / 32,
  'cnn-small': 1 / 128,
  resnet20: 1 / 16,
  resnet56: 1 / 16,
  'mobilenetv2-cifar': 1 / 32,
};

/**
 * The kernel behind a bottleneck of a single channel only scales it, which the batch norm behind takes away: its gradient
 * is zero but for the rounding of terms a few times as large as in wider networks.
 */
const SINGLE_FLOOR = 2e-5;

test.each(ZOO.map(({ id }) => id))(
  '%s as narrow as can be: a step of 1 and of 3 images equals stock tfjs',
  async (id) => {
    const network = buildNetwork(id, NARROWEST[id] ?? NaN);
    const first = network.nodes.find((node) => node.op === 'conv');
    expect(first?.op === 'conv' && first.filters).toBe(1);
    for (const batchSize of [1, 3]) {
      const [ours, theirs] = await both(network, { batchSize });
      await expectStock(ours, theirs, 1, SINGLE_FLOOR);
      await theirs.restore(await ours.checkpoint());
      const [own, other] = [await ours.evaluate('test', 5), await theirs.evaluate('test', 5)];
      expect(Number.isFinite(own.loss)).toBe(true);
      expect(Math.abs(own.loss / other.loss - 1), `${batchSize} images`).toBeLessThan(1e-5);
      for (const trainer of [ours, theirs]) trainer.dispose();
    }
  },
);
