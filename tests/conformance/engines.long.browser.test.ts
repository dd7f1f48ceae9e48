import { test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { realImages } from './harness.ts';
import { compareStock } from './stock-steps.ts';

test.each([
  ['resnet20 at a quarter of the width', 'resnet20', 0.25],
  ['mobilenetv2-cifar at a tenth of the width', 'mobilenetv2-cifar', 0.1],
] as const)(
  '%s: losses and gradients equal stock tfjs at each of 50 steps',
  async (_, model, width) => {
    const webgpu = await openWebGpuEngine();
    const tfjs = await openTfjsEngine({ backend: 'cpu' });
    await compareStock([webgpu, tfjs], await realImages(64), buildNetwork(model, width), { batchSize: 4 }, 50);
    webgpu.dispose();
  },
  900_000,
);
