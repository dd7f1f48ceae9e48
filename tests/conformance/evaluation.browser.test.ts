import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, type Tensors, buildNetwork } from '../../src/core/network/index.ts';
import { random4 } from '../../src/core/random/random.ts';
import type { Engine, Trainer } from '../../src/engine/engine.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { type Images, differing, hyperAt, openTrainer, randomStructure, realImages } from './harness.ts';

/** Evaluation, which folds batch norms into the layers before them, against stock tfjs, which does not. */
let webgpu: WebGpuEngine;
let tfjs: Engine;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  images = await realImages(64);
});
afterAll(() => webgpu.dispose());

/**
 * What folding must leave alone: gates behind norms, a norm with a gate and an addition, a norm whose values two nodes
 * read, a layer that a norm and another node read, a norm of nothing but the image.
 */
const GATED: Network = {
  id: 'gated',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'input.bn', op: 'batchNorm', input: 'input' },
    { id: 'a', op: 'conv', input: 'input.bn', filters: 6, kernel: 3, stride: 2 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'a.gate', op: 'gate', input: 'a.bn' },
    { id: 'a.relu', op: 'relu6', input: 'a.gate' },
    { id: 'b', op: 'conv', input: 'a.relu', filters: 6, kernel: 1, stride: 1 },
    { id: 'b.bn', op: 'batchNorm', input: 'b' },
    { id: 'b.sum', op: 'add', inputs: ['b', 'b.bn'] },
    { id: 'd', op: 'depthwiseConv', input: 'b.sum', kernel: 3, stride: 1 },
    { id: 'd.bn', op: 'batchNorm', input: 'd' },
    { id: 'd.sum', op: 'add', inputs: ['d.bn', 'a.relu'] },
    { id: 'd.relu', op: 'relu', input: 'd.sum' },
    { id: 'c', op: 'conv', input: 'd.relu', filters: 9, kernel: 3, stride: 2 },
    { id: 'c.bn', op: 'batchNorm', input: 'c' },
    { id: 'left', op: 'relu', input: 'c.bn' },
    { id: 'right', op: 'gate', input: 'c.bn' },
    { id: 'sum', op: 'add', inputs: ['left', 'right'] },
    { id: 'pool', op: 'maxPool', input: 'sum', size: 3, stride: 2 },
    { id: 'average', op: 'globalAvgPool', input: 'pool' },
    { id: 'dense', op: 'dense', input: 'average', units: 10 },
  ],
};

/** Trained parameters with other norms: scales of both signs and of zero, shifts, means and variances of any size. */
const otherNorms = (parameters: Tensors): Tensors =>
  new Map(
    [...parameters].flatMap(([name, values], tensor) => {
      const draw = (i: number): number => random4(7, 'prune', tensor, i)[0] / 2 ** 32;
      const as = (make: (share: number, i: number) => number): [string, Float32Array][] => [
        [name, values.map((_, i) => make(draw(i), i))],
      ];
      if (name.endsWith('/gamma')) return as((share, i) => (i % 5 === 3 ? 0 : (share < 0.3 ? -1 : 1) * (0.5 + share)));
      if (name.endsWith('/beta')) return as((share) => share - 0.4);
      if (name.endsWith('/mean')) return as((share) => 2 * share - 1);
      if (name.endsWith('/variance')) return as((share) => 10 ** (2 * share - 1));
      if (name.endsWith('/gate')) return as((share) => 2 * share - 0.5);
      return [];
    }),
  );

/** Largest difference of logits, in parts of the largest logit; and what evaluations of some images say. */
async function compare(ours: Trainer, theirs: Trainer): Promise<void> {
  await theirs.restore(await ours.checkpoint());
  const some = images.pixels.slice(0, 7 * 3_072);
  const [mine, stock] = [await ours.predict(some), await theirs.predict(some)];
  const scale = stock.reduce((largest, logit) => Math.max(largest, Math.abs(logit)), 0);
  expect(scale).toBeGreaterThan(0);
  expect(mine.length).toBe(70);
  stock.forEach((logit, i) => {
    expect(Math.abs((mine[i] ?? NaN) - logit), `logit ${i} of a scale of ${scale}`).toBeLessThan(1e-4 * scale);
  });
  const [own, other] = [await ours.evaluate('test', 7), await theirs.evaluate('test', 7)];
  expect(own.images).toBe(7);
  expect(Math.abs(own.loss - other.loss)).toBeLessThan(1e-4 * Math.max(scale, other.loss));
  expect(own.accuracy).toBeCloseTo(other.accuracy, 6);
}

describe.each([
  ['convnet-micro', buildNetwork('convnet-micro', 0.5)],
  ['plain5', buildNetwork('plain5', 0.25)],
  ['vgg-small', buildNetwork('vgg-small', 0.1)],
  ['cnn-small', buildNetwork('cnn-small', 0.03)],
  ['resnet20', buildNetwork('resnet20', 0.25)],
  ['resnet56', buildNetwork('resnet56', 0.125)],
  ['mobilenetv2-cifar', buildNetwork('mobilenetv2-cifar', 0.1)],
  ['a network with gates', GATED],
] as const)('%s', (_, network) => {
  test('evaluation with folded norms equals stock tfjs after some steps, with any norms, and pruned', async () => {
    const ours = await openTrainer(webgpu, network, images, { batchSize: 8 });
    const theirs = await openTrainer(tfjs, network, images, { batchSize: 8 });
    await ours.train(4, hyperAt);
    await compare(ours, theirs);
    await ours.write(otherNorms(await ours.read()));
    await compare(ours, theirs);
    await ours.restructure(randomStructure(network, 0.6, 2));
    await compare(ours, theirs);
    for (const trainer of [ours, theirs]) trainer.dispose();
  });
});

test.each([1, 64, 3])('the latency of a batch of %i', async (batch) => {
  const trainer = await openTrainer(webgpu, buildNetwork('convnet-micro', 0.5), images, { batchSize: 8 });
  await trainer.train(1, hyperAt);
  // Makes the plan that latency at 64 images shares.
  await trainer.evaluate('test');
  const { bytes } = trainer;
  const [before, logits] = [await trainer.read(), await trainer.predict(images.pixels)];
  const started = performance.now();
  const latency = await trainer.latency(batch);
  const wall = performance.now() - started;
  expect(latency.batch).toBe(batch);
  expect(latency.median).toBeGreaterThan(0);
  expect(latency.p95).toBeGreaterThanOrEqual(latency.median);
  // 20 samples, or as many as fit in three seconds, but never fewer than three.
  expect(latency.n).toBeGreaterThanOrEqual(wall < 3_000 ? 20 : 3);
  expect(latency.n).toBeLessThanOrEqual(20);
  // Half of the samples took the median or longer, one p95 or longer: all of that lies within the call.
  expect((latency.n / 2 - 1) * latency.median + latency.p95).toBeLessThan(wall);
  // Nothing stays behind.
  expect(trainer.bytes).toBe(bytes);
  expect(differing(before, await trainer.read())).toEqual([]);
  expect(await trainer.predict(images.pixels)).toEqual(logits);
  trainer.dispose();
});
