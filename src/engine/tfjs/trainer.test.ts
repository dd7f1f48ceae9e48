import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { type Network, type Tensors, denseStructure, initialParameters } from '../../core/network/index.ts';
import { random4, toUnit } from '../../core/random/random.ts';
import type { Trainer } from '../engine.ts';
import { openTfjsEngine } from './index.ts';

/** Stem, a residual block with a strided 1x1 shortcut, max pooling: every kind of node in little. */
const network: Network = {
  id: 'tiny',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'stem', op: 'conv', input: 'input', filters: 3, kernel: 3, stride: 2 },
    { id: 'stem.bn', op: 'batchNorm', input: 'stem' },
    { id: 'stem.relu', op: 'relu', input: 'stem.bn' },
    { id: 'pool1', op: 'maxPool', input: 'stem.relu', size: 2, stride: 2 },
    { id: 'a', op: 'conv', input: 'pool1', filters: 4, kernel: 3, stride: 2 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'shortcut', op: 'conv', input: 'pool1', filters: 4, kernel: 1, stride: 2 },
    { id: 'shortcut.bn', op: 'batchNorm', input: 'shortcut' },
    { id: 'sum', op: 'add', inputs: ['a.bn', 'shortcut.bn'] },
    { id: 'sum.relu', op: 'relu', input: 'sum' },
    { id: 'pool', op: 'globalAvgPool', input: 'sum.relu' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};
const BATCH = 8;
const HYPER = { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 };

const uniform = (seed: number, index: number): number => toUnit(random4(seed, 'init', 77, index)[0]);

async function openTiny(): Promise<Trainer> {
  const engine = await openTfjsEngine({ backend: 'cpu' });
  const data = engine.openData({ train: 16, holdOut: 1, test: 16 });
  const pixels = Uint8Array.from({ length: 16 * 3_072 }, (_, i) => Math.floor(uniform(1, i) * 256));
  const labels = Uint8Array.from({ length: 16 }, (_, i) => i % 10);
  data.write('train', 0, pixels, labels);
  data.write('test', 0, pixels, labels);
  return engine.open(network, denseStructure(network), initialParameters(network, 1), {
    data,
    seed: 1,
    batchSize: BATCH,
    augment: { crop: false, flip: false },
    labelSmoothing: 0.1,
    batch: (step) => Uint32Array.from({ length: BATCH }, (_, i) => (step * BATCH + i) % 16),
  });
}

describe('the tfjs engine', () => {
  test('gradients are the slopes of the loss: central differences along a random direction of every tensor', async () => {
    const trainer = await openTiny();
    const request = { inputs: { step: 0 } };
    const { tensors } = await trainer.gradients(request);
    const before = await trainer.read();
    for (const [name, gradient] of tensors) {
      const values = before.get(name) ?? new Float32Array();
      const direction = values.map((_, i) => uniform(2, i) - 0.5);
      const shifted = (by: number): Tensors =>
        new Map([[name, values.map((value, i) => value + by * (direction[i] ?? 0))]]);
      // Large enough for float32 losses, small enough that few ReLUs change side.
      const step = 2e-3;
      await trainer.write(shifted(step));
      const above = (await trainer.gradients(request)).loss;
      await trainer.write(shifted(-step));
      const below = (await trainer.gradients(request)).loss;
      await trainer.write(shifted(0));
      const slope = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0);
      // A loss of about 2.4 in float32 is known to 3e-7, so the difference quotient to about 1e-4.
      expect(Math.abs((above - below) / (2 * step) - slope), name).toBeLessThan(5e-4 + 0.03 * Math.abs(slope));
    }
    trainer.dispose();
  });

  test('one update is SGD with Nesterov momentum, weight decay on kernels, and running statistics by 0.9', async () => {
    const trainer = await openTiny();
    const before = await trainer.read();
    const { tensors } = await trainer.gradients({ inputs: { step: 0 } });
    await trainer.train(1, () => HYPER);
    const after = await trainer.read();
    for (const [name, gradient] of tensors) {
      const decay = name.endsWith('/kernel') ? HYPER.weightDecay : 0;
      (before.get(name) ?? new Float32Array()).forEach((weight, i) => {
        const g = (gradient[i] ?? NaN) + decay * weight;
        // The first step: momentum starts at zero, so v = g.
        const expected = weight - HYPER.learningRate * (g + HYPER.momentum * g);
        expect(after.get(name)?.[i]).toBeCloseTo(expected, 5);
      });
    }
    expect([...(before.get('stem.bn/variance') ?? [])]).toEqual([1, 1, 1]);
    expect(after.get('stem.bn/variance')?.every((value) => value > 0.9)).toBe(true);
    trainer.dispose();
  });

  test('asking for gradients changes nothing; a checkpoint resumes bit for bit', async () => {
    const trainer = await openTiny();
    await trainer.train(2, () => HYPER);
    const checkpoint = await trainer.checkpoint();
    await trainer.gradients({ inputs: { step: 2 } });
    expect(await trainer.read()).toEqual(checkpoint.parameters);
    await trainer.train(2, () => HYPER);
    const undisturbed = await trainer.read();
    await trainer.restore(checkpoint);
    await trainer.train(2, () => HYPER);
    expect(await trainer.read()).toEqual(undisturbed);
    trainer.dispose();
  });

  test('leaks no tensors over steps, structures, evaluations and predictions', async () => {
    const counted = async (): Promise<number> => {
      const trainer = await openTiny();
      await trainer.train(2, () => HYPER);
      await trainer.restructure({ channels: { ...denseStructure(network).channels, stem: [0, 2] } });
      await trainer.train(1, () => HYPER);
      await trainer.evaluate('test', 5);
      await trainer.predict(new Uint8Array(3_072));
      await trainer.gradients({ inputs: { step: 0 } });
      trainer.dispose();
      return tf.memory().numTensors;
    };
    const first = await counted();
    expect(await counted()).toBe(first);
  });

  test('a step on images that were not loaded is refused with a sentence', async () => {
    const engine = await openTfjsEngine({ backend: 'cpu' });
    const data = engine.openData({ train: 16, holdOut: 1, test: 1 });
    const trainer = await engine.open(network, denseStructure(network), initialParameters(network, 1), {
      data,
      seed: 1,
      batchSize: 1,
      augment: { crop: false, flip: false },
      labelSmoothing: 0,
      batch: () => Uint32Array.of(3),
    });
    await expect(trainer.train(1, () => HYPER)).rejects.toThrow(
      /image 3 of split "train" is needed before it was loaded/,
    );
    trainer.dispose();
  });
});
