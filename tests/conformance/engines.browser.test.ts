import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  buildNetwork,
  denseStructure,
  groupsOf,
  keptOf,
} from '../../src/core/network/index.ts';
import type { Engine, Trainer } from '../../src/engine/engine.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { expectStock } from './bends.ts';
import { type Images, differing, distance, hyperAt, openTrainer, randomStructure, realImages } from './harness.ts';
import { compareStock } from './stock-steps.ts';

/**
 * Engines are compared step by step from equal parameters: free trajectories of any two correct float32 programs drift
 * apart. Losses within 1e-4 relative, each tensor's gradient within 1 % of its norm.
 */
const LOSS_TOLERANCE = 1e-4;
const GRADIENT_TOLERANCE = 0.01;

let webgpu: WebGpuEngine;
let tfjs: Engine;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  images = await realImages(64);
});
afterAll(() => webgpu.dispose());

/** At each step both trainers take the first one's parameters; their losses and gradients must agree. */
async function compareSteps(leader: Trainer, follower: Trainer, steps: number): Promise<void> {
  for (let step = 0; step < steps; step++) {
    await follower.restore(await leader.checkpoint());
    const request = { inputs: { step } };
    const [ours, theirs] = [await leader.gradients(request), await follower.gradients(request)];
    expect(Math.abs(ours.loss - theirs.loss) / theirs.loss, `loss of step ${step}`).toBeLessThan(LOSS_TOLERANCE);
    for (const [name, gradient] of theirs.tensors) {
      expect(distance(ours.tensors.get(name), gradient), `gradient of ${name} in step ${step}`).toBeLessThan(
        GRADIENT_TOLERANCE,
      );
    }
    await leader.train(1, hyperAt);
  }
}

const compareWithStock = (
  network: Network,
  options: { batchSize: number },
  steps: number,
  stock?: Parameters<typeof compareStock>[5],
): Promise<void> => compareStock([webgpu, tfjs], images, network, options, steps, stock);

describe.each([
  ['convnet-micro', buildNetwork('convnet-micro'), { batchSize: 16, steps: 10, stock: { batchSize: 5, steps: 6 } }],
  [
    'resnet20 at a quarter of the width',
    buildNetwork('resnet20', 0.25),
    { batchSize: 16, steps: 5, stock: { batchSize: 4, steps: 6 } },
  ],
  [
    'vgg-small at an eighth of the width',
    buildNetwork('vgg-small', 0.125),
    { batchSize: 8, steps: 3, stock: { batchSize: 8, steps: 3 } },
  ],
] as const)('%s', (_, network, { batchSize, steps, stock }) => {
  // 50 steps of resnet20 and mobilenetv2-cifar are in test:long.
  test(`losses and gradients equal stock tfjs at each of ${stock.steps} steps`, async () => {
    await compareWithStock(network, { batchSize: stock.batchSize }, stock.steps);
  });

  test('so they do when pruned: compact execution against masked dense execution', async () => {
    const structure = randomStructure(network, 0.6, 3);
    const compact = await openTrainer(webgpu, network, images, { batchSize, structure });
    const masked = await openTrainer(webgpu, network, images, { batchSize, structure, execution: 'masked' });
    await compareSteps(compact, masked, steps);
    const oracle = await openTrainer(tfjs, network, images, { batchSize, structure, execution: 'masked' });
    await compareSteps(compact, oracle, 2);
  });

  test('an update and an evaluation equal stock tfjs', async () => {
    const ours = await openTrainer(webgpu, network, images, { batchSize });
    const theirs = await openTrainer(tfjs, network, images, { batchSize });
    await ours.train(2, hyperAt);
    await theirs.restore(await ours.checkpoint());
    const [a, b] = [await ours.train(1, hyperAt), await theirs.train(1, hyperAt)];
    expect(a.accuracy).toEqual(b.accuracy);
    const [mine, expectedTensors] = [await ours.read(), await theirs.read()];
    for (const [name, values] of expectedTensors) expect(distance(mine.get(name), values), name).toBeLessThan(0.01);
    // 37 images: the last batch of either engine is a partial one.
    const [mineEval, stockEval] = [await ours.evaluate('test', 37), await theirs.evaluate('test', 37)];
    expect(Math.abs(mineEval.loss - stockEval.loss) / stockEval.loss).toBeLessThan(5e-3);
    expect(Math.abs(mineEval.accuracy - stockEval.accuracy)).toBeLessThan(1.5 / 37);
    const logits = await ours.predict(images.pixels.slice(0, 70 * 3_072));
    const expected = await theirs.predict(images.pixels.slice(0, 70 * 3_072));
    expect(distance(logits, expected)).toBeLessThan(5e-3);
  });

  test('two identical runs are bit-identical, however they are cut into calls and submits', async () => {
    const once = await openTrainer(webgpu, network, images, { batchSize });
    const again = await openTrainer(webgpu, network, images, { batchSize });
    again.setPace('smooth');
    const whole = await once.train(6, hyperAt);
    const parts = [await again.train(1, hyperAt), await again.train(5, hyperAt)].map(({ loss }) => [...loss]);
    expect(parts.flat()).toEqual([...whole.loss]);
    expect(differing(await once.read(), await again.read())).toEqual([]);
  });

  test('a checkpoint resumes bit-identically', async () => {
    const structure = randomStructure(network, 0.7, 5);
    const undisturbed = await openTrainer(webgpu, network, images, { batchSize, structure });
    await undisturbed.train(3, hyperAt);
    const checkpoint = await undisturbed.checkpoint();
    await undisturbed.train(3, hyperAt);
    const resumed = await openTrainer(webgpu, network, images, { batchSize });
    await resumed.restore(checkpoint);
    await resumed.train(3, hyperAt);
    expect(differing(await undisturbed.read(), await resumed.read())).toEqual([]);
  });

  test('pruning and regrowing restores the most recently used values bit for bit, with momentum at zero', async () => {
    const trainer = await openTrainer(webgpu, network, images, { batchSize });
    await trainer.train(2, hyperAt);
    const before = await trainer.read();
    const structure = randomStructure(network, 0.5, 7);
    await trainer.restructure(structure);
    expect(differing(before, await trainer.read())).toEqual([]);
    await trainer.train(2, hyperAt);
    const trainedOn = await trainer.read();
    await trainer.restructure(denseStructure(network));
    const after = await trainer.read();
    expect(differing(trainedOn, after)).toEqual([]);
    expect(ownedByPruned(network, structure, before, after)).toBeGreaterThan(0);
    const { momentum } = await trainer.checkpoint();
    expect(
      ownedByPruned(
        network,
        structure,
        new Map([...momentum].map(([name, values]) => [name, values.map(() => 0)])),
        momentum,
      ),
    ).toBeGreaterThan(0);
  });
});

describe('mobilenetv2-cifar at a tenth of the width', () => {
  test('losses and gradients equal stock tfjs at each of at least 6 steps', async () => {
    await compareWithStock(buildNetwork('mobilenetv2-cifar', 0.1), { batchSize: 4 }, 6, { own: 4, most: 20 });
  });
});

test.each(['batchNorm', 'gate'] as const)('a %s that is added to what it reads equals stock tfjs', async (op) => {
  const network: Network = {
    id: 'own summand',
    nodes: [
      { id: 'input', op: 'input', shape: [32, 32, 3] },
      { id: 'a', op: 'conv', input: 'input', filters: 5, kernel: 3, stride: 2 },
      { id: 'norm', op, input: 'a' },
      { id: 'sum', op: 'add', inputs: ['norm', 'a'] },
      { id: 'relu', op: 'relu', input: 'sum' },
      { id: 'average', op: 'globalAvgPool', input: 'relu' },
      { id: 'dense', op: 'dense', input: 'average', units: 10 },
    ],
  };
  const ours = await openTrainer(webgpu, network, images, { batchSize: 4 });
  await expectStock(ours, await openTrainer(tfjs, network, images, { batchSize: 4 }), 2);
  ours.dispose();
});

/** Checks that entries of pruned output channels are the same in both; returns how many it looked at. */
function ownedByPruned(
  network: Network,
  structure: Structure,
  expected: ReadonlyMap<string, Float32Array>,
  actual: ReadonlyMap<string, Float32Array>,
): number {
  let seen = 0;
  for (const group of groupsOf(network)) {
    const kept = new Set(keptOf(structure, group));
    for (const producer of group.producers) {
      for (const name of [
        `${producer}/kernel`,
        `${producer}.bn/gamma`,
        `${producer}.bn/mean`,
        `${producer}.bn/variance`,
      ]) {
        const [values, reference] = [actual.get(name), expected.get(name)];
        if (!values || !reference) continue;
        values.forEach((value, i) => {
          if (kept.has(i % group.channels)) return;
          seen++;
          if (!Object.is(value, reference[i])) throw new Error(`${name}[${i}] is ${value}, not ${reference[i]}`);
        });
      }
    }
  }
  return seen;
}
