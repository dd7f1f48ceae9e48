import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  type Tensors,
  crossingsOf,
  initialParameters,
} from '../../core/network/index.ts';
import type { GradientRequest } from '../engine.ts';
import { assembleBatch } from './batch.ts';
import { type Doubles, referenceForward, referenceLoss } from './reference.ts';
import { MIXED, RESIDUAL, SMOOTHING, distance, labels, openTrainer, pixels, startOf } from './testing.ts';

/** Three images of the training set, given as bytes. */
const COUNT = 3;
const GIVEN = { pixels: pixels.slice(3 * 3_072, 6 * 3_072), labels: labels.slice(3, 6) };
const GIVEN_IMAGES = Float64Array.from(assembleBatch(pixels, Uint32Array.of(3, 4, 5), null));
const ONES = new Float64Array(3_072).fill(1);

const doubles = (tensors: Tensors): Map<string, Float64Array> =>
  new Map([...tensors].map(([name, values]) => [name, Float64Array.from(values)]));
const absolute = (tensors: Tensors): Map<string, Float64Array> =>
  new Map([...doubles(tensors)].map(([name, values]) => [name, values.map(Math.abs)]));
const sum = (values: ArrayLike<number>): number => Array.from(values).reduce((a, b) => a + b, 0);

/** Central differences of `loss` by the entries `indices` of `values`, which it reads. */
function slopes(values: Float64Array, loss: () => number, indices = [...values.keys()], h = 1e-6): number[] {
  return indices.map((i) => {
    const value = values[i] ?? NaN;
    values[i] = value + h;
    const above = loss();
    values[i] = value - h;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * h);
  });
}

/** Compares a request's loss and gradients with central differences of `loss` by `parameters`. */
async function compare(
  network: Network,
  request: GradientRequest,
  parameters: Doubles,
  loss: (parameters: Doubles) => number,
  start = startOf(network),
): Promise<number> {
  const trainer = await openTrainer(network, { parameters: start });
  const found = await trainer.gradients(request);
  expect(Math.abs(found.loss / loss(parameters) - 1)).toBeLessThan(1e-5);
  for (const [name, gradient] of found.tensors) {
    const expected = slopes(parameters.get(name) ?? new Float64Array(), () => loss(parameters));
    expect(Math.hypot(...expected), name).toBeGreaterThan(1e-9);
    expect(distance(gradient, expected), name).toBeLessThan(1e-4);
  }
  trainer.dispose();
  return found.log2Scale;
}

describe.each([
  ['mixed', MIXED],
  ['residual', RESIDUAL],
] as const)('gradients equal central differences: %s', (_, network) => {
  const given = (parameters: Doubles, train: boolean, divisor = 1): number => {
    const { logits } = referenceForward(network, parameters, GIVEN_IMAGES, COUNT, train);
    return referenceLoss(
      logits.map((logit) => logit / divisor),
      [...GIVEN.labels],
      SMOOTHING,
    );
  };

  test('given images, norms by running statistics, logits divided', async () => {
    const request = { inputs: GIVEN, batchNorm: 'running', logitDivisor: 5 } as const;
    const log2Scale = await compare(network, request, doubles(startOf(network)), (p) => given(p, false, 5));
    expect(log2Scale).toBe(0);
  });

  test('given images, norms by the batch', async () => {
    await compare(network, { inputs: GIVEN }, doubles(startOf(network)), (p) => given(p, true));
  });

  test('SynFlow: ones, the sum of the logits, every tensor by its absolute values', async () => {
    const request = { inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', batchNorm: 'running' } as const;
    // Small enough for ReLU6, which would pass no gradient on.
    const start = new Map(startOf(network)).set('stem.bn/gamma', Float32Array.of(-0.1, 0.2, 0.3));
    const parameters = absolute(start);
    const negative = [...start].filter(([, values]) => values.some((value) => value < 0));
    expect(negative.some(([name]) => name.endsWith('/mean'))).toBe(true);
    const loss = (p: Doubles): number => sum(referenceForward(network, p, ONES, 1, false).logits);
    await compare(network, request, parameters, loss, start);
  });

  test('rescaled: constants of a power of two at every crossing', async () => {
    const parameters = absolute(startOf(network));
    const exponents = new Map<string, number>();
    referenceForward(network, parameters, ONES, 1, false, (id, values) => {
      if (!crossingsOf(network).includes(id)) return values;
      exponents.set(id, Math.round(Math.log2(Math.max(...values.map(Math.abs)))));
      return values.map((value) => value / 2 ** (exponents.get(id) ?? NaN));
    });
    expect(exponents.size).toBeGreaterThan(4);
    const scaled = (p: Doubles): number =>
      sum(
        referenceForward(network, p, ONES, 1, false, (id, values) =>
          values.map((value) => value / 2 ** (exponents.get(id) ?? 0)),
        ).logits,
      );
    const request = { inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', rescale: true } as const;
    const log2Scale = await compare(network, { ...request, batchNorm: 'running' }, parameters, scaled);
    expect(log2Scale).toBe(sum([...exponents.values()]));
  });
});

describe('rescaling', () => {
  const request = { inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', batchNorm: 'running' } as const;

  test('multiplies all gradients of a new network by the same number', async () => {
    const trainer = await openTrainer(RESIDUAL, { parameters: initialParameters(RESIDUAL, 3) });
    const plain = await trainer.gradients(request);
    const scaled = await trainer.gradients({ ...request, rescale: true });
    expect(scaled.log2Scale).not.toBe(0);
    expect(scaled.loss * 2 ** scaled.log2Scale).toBeCloseTo(plain.loss, 4);
    for (const [name, gradient] of scaled.tensors) {
      // Biases and shifts behind a crossing are not in the rescaled network's units, but add nothing while they are 0.
      const factor = 2 ** scaled.log2Scale;
      if (!/kernel|gamma/.test(name)) continue;
      expect(
        distance(
          gradient.map((value) => value * factor),
          plain.tensors.get(name),
        ),
        name,
      ).toBeLessThan(1e-5);
    }
    trainer.dispose();
  });

  test('keeps finite what would overflow, and leaves activations of zeros alone', async () => {
    const parameters = new Map(initialParameters(RESIDUAL, 1));
    for (const name of ['stem.bn/gamma', 'a.bn/gamma', 'shortcut.bn/gamma']) parameters.get(name)?.fill(1e20);
    const trainer = await openTrainer(RESIDUAL, { parameters });
    const plain = await trainer.gradients(request);
    expect([...plain.tensors.values()].flatMap((values) => [...values]).every(Number.isFinite)).toBe(false);
    const { loss, tensors, log2Scale } = await trainer.gradients({ ...request, rescale: true });
    expect(log2Scale).toBeGreaterThan(127);
    expect(Number.isFinite(loss)).toBe(true);
    expect([...tensors.values()].flatMap((values) => [...values]).every(Number.isFinite)).toBe(true);
    await trainer.write(new Map([['stem.bn/gamma', new Float32Array(3)]]));
    const silent = await trainer.gradients({ ...request, rescale: true });
    expect([...silent.tensors.values()].flatMap((values) => [...values]).every(Number.isFinite)).toBe(true);
    trainer.dispose();
  });
});

describe('activations', () => {
  const nodes = ['input', 'stem.relu', 'each.bn', 'flat', 'fc', 'dense'];

  test.each(['batch', 'running'] as const)('values and gradients at nodes, norms by %s', async (batchNorm) => {
    const trainer = await openTrainer(MIXED);
    const found = await trainer.activations({ inputs: GIVEN, nodes, batchNorm, gradients: true });
    const parameters = doubles(startOf(MIXED));
    expect([...found.keys()]).toEqual(nodes);
    for (const [id, { shape, values, gradient }] of found) {
      // The loss as a function of what is added to the node's output.
      let output = new Float64Array();
      let added = new Float64Array(values.length);
      const loss = (): number => {
        const { logits } = referenceForward(
          MIXED,
          parameters,
          GIVEN_IMAGES,
          COUNT,
          batchNorm === 'batch',
          (node, x) => {
            if (node !== id) return x;
            output = Float64Array.from(x);
            return x.map((value, i) => value + (added[i] ?? NaN));
          },
        );
        return referenceLoss(logits, [...GIVEN.labels], SMOOTHING);
      };
      loss();
      expect(shape.reduce((a, b) => a * b, 1)).toBe(values.length);
      expect(distance(values, output), id).toBeLessThan(1e-5);
      const some = [...values.keys()].filter((i) => values.length < 200 || i % 97 === 5);
      added = new Float64Array(values.length);
      const expected = slopes(added, loss, some);
      expect(Math.hypot(...expected), id).toBeGreaterThan(1e-6);
      const chosen = some.map((i) => gradient?.[i] ?? NaN);
      expect(distance(chosen, expected), id).toBeLessThan(1e-4);
    }
    expect(found.get('flat')?.shape).toEqual([COUNT, 1, 1, 12]);
    trainer.dispose();
  });

  test('of the compact network; without gradients unless asked; of the images of a step by default', async () => {
    const structure: Structure = { channels: { stem: [1], fc: [0, 3] } };
    const trainer = await openTrainer(MIXED, { structure, batchSize: 2 });
    const found = await trainer.activations({ inputs: { step: 0 }, nodes: ['each', 'flat', 'fc', 'fc'] });
    expect([...found].map(([id, { shape, gradient }]) => [id, [...shape], gradient])).toEqual([
      ['each', [2, 4, 4, 1], null],
      ['flat', [2, 1, 1, 4], null],
      ['fc', [2, 1, 1, 2], null],
    ]);
    expect(await trainer.activations({ inputs: 'ones', nodes: [] })).toEqual(new Map());
    trainer.dispose();
  });
});

test('probes change nothing and give all memory back', async () => {
  const trainer = await openTrainer(MIXED);
  await trainer.train(1, () => ({ learningRate: 0.1, momentum: 0.9, nesterov: false, weightDecay: 0 }));
  const before = await trainer.checkpoint();
  const { numTensors } = tf.memory();
  await trainer.gradients({ inputs: GIVEN });
  await trainer.gradients({ inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', rescale: true });
  await trainer.activations({ inputs: { step: 1 }, nodes: ['input', 'fc'], gradients: true });
  await trainer.activations({ inputs: GIVEN, nodes: ['dense'] });
  expect(tf.memory().numTensors).toBe(numTensors);
  expect(await trainer.checkpoint()).toEqual(before);
  trainer.dispose();
});

test('requests that make no sense are refused with a sentence', async () => {
  const trainer = await openTrainer(MIXED);
  const { numTensors } = tf.memory();
  await expect(trainer.gradients({ inputs: 'ones' })).rejects.toThrow(/an image of ones has no label/);
  await expect(trainer.activations({ inputs: 'ones', nodes: ['fc'], gradients: true })).rejects.toThrow(/has no label/);
  await expect(trainer.activations({ inputs: 'ones', nodes: ['fd'] })).rejects.toThrow(/mixed has no node "fd"/);
  const labelless = { pixels: GIVEN.pixels, labels: new Uint8Array(2) };
  await expect(trainer.gradients({ inputs: labelless })).rejects.toThrow(/needs as many labels, not 2/);
  const half = { pixels: new Uint8Array(100), labels: new Uint8Array(1) };
  await expect(trainer.gradients({ inputs: half })).rejects.toThrow(/whole images of 3,072 bytes/);
  expect(tf.memory().numTensors).toBe(numTensors);
  trainer.dispose();
});
