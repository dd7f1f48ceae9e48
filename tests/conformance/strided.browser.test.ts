import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Structure, buildNetwork, denseStructure, keepsTap } from '../../src/core/network/index.ts';
import type { Engine, Trainer } from '../../src/engine/engine.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import {
  type Images,
  differing,
  distance,
  hyperAt,
  openTrainer,
  randomStructure,
  realImages,
  stridedStructure,
} from './harness.ts';

/** Strided sparsity inside kernels: source maps keep every s-th tap from an offset of their own. */
let webgpu: WebGpuEngine;
let tfjs: Engine;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  images = await realImages(32);
});
afterAll(() => webgpu.dispose());

async function compare(leader: Trainer, follower: Trainer, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await follower.restore(await leader.checkpoint());
    const request = { inputs: { step } };
    const [ours, theirs] = [await leader.gradients(request), await follower.gradients(request)];
    expect(Math.abs(ours.loss - theirs.loss) / theirs.loss, `loss of step ${step}`).toBeLessThan(1e-4);
    for (const [name, gradient] of theirs.tensors) {
      expect(distance(ours.tensors.get(name), gradient), `gradient of ${name} in step ${step}`).toBeLessThan(0.02);
    }
    await leader.train(1, hyperAt);
  }
}

describe.each([
  ['cnn-small at a tenth of the width', buildNetwork('cnn-small', 0.1)],
  ['resnet20 at a quarter of the width', buildNetwork('resnet20', 0.25)],
] as const)('%s', (_, network) => {
  const options = { batchSize: 8 };

  test.each([2, 3, 4, 9])('stride %i: losses and gradients equal stock tfjs', async (stride) => {
    const structure = stridedStructure(network, stride, denseStructure(network).channels, stride);
    const ours = await openTrainer(webgpu, network, images, { ...options, structure });
    await ours.train(1, hyperAt);
    await compare(ours, await openTrainer(tfjs, network, images, { ...options, structure }), 1);
    const [mine, stock] = [await ours.evaluate('test', 20), await ours.predict(images.pixels.slice(0, 3 * 3_072))];
    expect(mine.images).toBe(20);
    expect(stock.every(Number.isFinite)).toBe(true);
    ours.dispose();
  });

  test('with pruned channels too: compact against masked execution, and against stock tfjs', async () => {
    const structure = stridedStructure(network, 2, randomStructure(network, 0.6, 4).channels, 5);
    const compact = await openTrainer(webgpu, network, images, { ...options, structure });
    await compare(
      compact,
      await openTrainer(webgpu, network, images, { ...options, structure, execution: 'masked' }),
      2,
    );
    await compare(compact, await openTrainer(tfjs, network, images, { ...options, structure }), 1);
  });

  test('pruned taps keep their most recently used values and come back with momentum at zero', async () => {
    const trainer = await openTrainer(webgpu, network, images, options);
    await trainer.train(2, hyperAt);
    const before = await trainer.read();
    const structure = stridedStructure(network, 3, denseStructure(network).channels, 6);
    await trainer.restructure(structure);
    expect(differing(before, await trainer.read())).toEqual([]);
    await trainer.train(2, hyperAt);
    const trainedOn = await trainer.read();
    let seen = 0;
    for (const [conv, pattern] of Object.entries(structure.taps ?? {})) {
      const [old, now] = [before.get(`${conv}/kernel`), trainedOn.get(`${conv}/kernel`)];
      const inputs = pattern.offsets.length;
      const outputs = (old?.length ?? 0) / 9 / inputs;
      old?.forEach((value, i) => {
        const row = Math.floor(i / outputs);
        if (keepsTap(pattern, row % inputs, Math.floor(row / inputs))) return;
        seen++;
        if (!Object.is(now?.[i], value)) throw new Error(`${conv}[${i}] changed from ${value} to ${now?.[i]}`);
      });
    }
    expect(seen).toBeGreaterThan(100);
    await trainer.restructure(denseStructure(network));
    expect(differing(trainedOn, await trainer.read())).toEqual([]);
    await trainer.train(1, hyperAt);
    trainer.dispose();
  });
});

test('the convolution that reads the image keeps its taps, and says so', async () => {
  const network = buildNetwork('cnn-small', 0.1);
  const structure: Structure = { channels: {}, taps: { conv1: { stride: 2, offsets: [0, 1, 0] } } };
  await expect(openTrainer(webgpu, network, images, { batchSize: 4, structure })).rejects.toThrow(
    '"conv1" reads the image',
  );
});
