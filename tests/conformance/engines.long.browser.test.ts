import { test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { realImages } from './harness.ts';
import { compareStock } from './stock-steps.ts';

test('mobilenetv2-cifar at a tenth of the width: losses and gradients equal stock tfjs at each of 50 steps', async () => {
  const webgpu = await openWebGpuEngine();
  const tfjs = await openTfjsEngine({ backend: 'cpu' });
  const network = buildNetwork('mobilenetv2-cifar', 0.1);
  await compareStock([webgpu, tfjs], await realImages(64), network, { batchSize: 4 }, 50);
  webgpu.dispose();
}, 900_000);
