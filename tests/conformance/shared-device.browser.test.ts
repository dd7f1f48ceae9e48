import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { distance, hyperAt, openTrainer, realImages } from './harness.ts';

test('tfjs’ WebGPU backend and our kernels work side by side on one device', async () => {
  const ours = await openWebGpuEngine();
  const { device, info } = ours.device;
  const stock = await openTfjsEngine({ backend: 'webgpu', shared: { device, info } });
  expect(stock.info.adapter.architecture).toBe('webgpu');
  expect((tf.backend() as unknown as { device: GPUDevice }).device).toBe(device);

  const network = buildNetwork('convnet-micro', 0.25);
  const images = await realImages(8);
  const [mine, theirs] = [
    await openTrainer(ours, network, images, { batchSize: 4 }),
    await openTrainer(stock, network, images, { batchSize: 4 }),
  ];
  for (let step = 0; step < 2; step++) {
    await theirs.restore(await mine.checkpoint());
    const request = { inputs: { step } };
    const [a, b] = [await mine.gradients(request), await theirs.gradients(request)];
    expect(Math.abs(a.loss - b.loss) / b.loss).toBeLessThan(1e-4);
    for (const [name, gradient] of b.tensors) expect(distance(a.tensors.get(name), gradient), name).toBeLessThan(0.02);
    await mine.train(1, hyperAt);
  }
  theirs.dispose();
  ours.dispose();
});
