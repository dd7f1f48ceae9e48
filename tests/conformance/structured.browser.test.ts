import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Network,
  type Structure,
  type Tensors,
  buildNetwork,
  denseStructure,
  groupsOf,
  inputsOf,
  keepsTap,
  keptOf,
  parametersOf,
} from '../../src/core/network/index.ts';
import type { Engine, Hyper, Trainer } from '../../src/engine/engine.ts';
import { openTfjsEngine } from '../../src/engine/tfjs/index.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { SLOTS } from '../../src/engine/webgpu/step-uniforms.ts';
import {
  type Images,
  differing,
  distance,
  openTrainer,
  randomStructure,
  realImages,
  stridedStructure,
} from './harness.ts';

/** Structured sparsity at three scales on whole networks, on one engine: strided.md section 14, and recalibration. */
let webgpu: WebGpuEngine;
let tfjs: Engine;
let images: Images;
beforeAll(async () => {
  webgpu = await openWebGpuEngine();
  tfjs = await openTfjsEngine({ backend: 'cpu' });
  images = await realImages(32);
});
afterAll(() => webgpu.dispose());

const network = buildNetwork('convnet-micro', 0.5);
/** Decays strongly, so that a pruned weight that is not held at zero shows. */
const HYPER: Hyper = { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 0.1 };
const STEPS = 20;
const strided = stridedStructure(network, 2, randomStructure(network, 0.7, 4).channels, 5);
const open = (engine: Engine = webgpu, options: { structure?: Structure; parameters?: Tensors } = {}) =>
  openTrainer(engine, network, images, { batchSize: 8, ...options });

/** Convolutions whose kernels stages may prune: all but the one that reads the image. */
const kernels = parametersOf(network).filter(
  ({ name, shape }) => shape.length === 4 && name.endsWith('/kernel') && name !== 'conv1/kernel',
);

test('kernels that a mask prunes are exactly zero, and so is their momentum, after steps with weight decay (property 8)', async () => {
  // Two kernels in five, whole: all taps of a source map and an output map.
  const rules = new Map(
    kernels.map(({ name, shape: [, , inputs = 0, outputs = 0], shape }) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const mask = Float32Array.from({ length: size }, (_, i) => Number((i % (inputs * outputs)) % 5 < 3));
      return [name, { mask }] as const;
    }),
  );
  const trainer = await open();
  await trainer.train(2, () => HYPER);
  await trainer.setRules(rules);
  await trainer.train(STEPS, () => HYPER);
  const { parameters, momentum } = await trainer.checkpoint();
  for (const [name, { mask }] of rules) {
    for (const tensors of [parameters, momentum]) {
      const values = tensors.get(name) ?? new Float32Array();
      const zeros = Array.from(values, (value) => value === 0);
      expect(zeros, name).toEqual(Array.from(mask, (keep) => keep === 0));
    }
  }
  trainer.dispose();
});

test('strided and pruned, trained compactly, it gives the logits of the masked dense network (property 8)', async () => {
  const compact = await open(webgpu, { structure: strided });
  const start = await compact.read();
  await compact.train(STEPS, () => HYPER);
  const { parameters } = await compact.checkpoint();
  const masked = new Map(parameters);
  let pruned = 0;
  for (const { name, shape } of kernels) {
    const pattern = strided.taps?.[name.replace('/kernel', '')];
    const [, , inputs = 0, outputs = 0] = shape;
    const values = parameters.get(name)?.slice() ?? new Float32Array();
    values.forEach((value, i) => {
      const [tap, input] = [Math.floor(i / (inputs * outputs)), Math.floor(i / outputs) % inputs];
      if (!pattern || keepsTap(pattern, input, tap)) return;
      // What is off is not decayed either: it comes back as it went.
      expect(value).toBe(start.get(name)?.[i]);
      values[i] = 0;
      pruned++;
    });
    masked.set(name, values);
  }
  expect(pruned).toBeGreaterThan(500);
  const dense = await open(webgpu, { structure: { channels: strided.channels }, parameters: masked });
  expect(distance(await compact.predict(images.pixels), await dense.predict(images.pixels))).toBeLessThan(1e-5);
  for (const trainer of [compact, dense]) trainer.dispose();
});

test('a map without incoming kernels, bias, gamma and beta is a map that is not there (property 9)', async () => {
  const trainer = await open();
  await trainer.train(3, () => HYPER);
  const trained = await trainer.read();
  const group = groupsOf(network).find(({ producers }) => producers.includes('conv2'));
  if (!group) throw new Error('conv2 belongs to no group');
  const all = keptOf(denseStructure(network), group);
  for (const gone of [[1], [0, 3, 7]]) {
    const of = new Set(gone);
    const silenced = new Map(
      parametersOf(network).map(({ name }) => {
        const values = trained.get(name)?.slice() ?? new Float32Array();
        const own = /^conv2(\.bn)?\/(kernel|bias|gamma|beta)$/.test(name);
        return [name, own ? values.map((value, i) => (of.has(i % group.channels) ? 0 : value)) : values] as const;
      }),
    );
    await trainer.restructure(denseStructure(network));
    await trainer.write(silenced);
    const masked = await trainer.predict(images.pixels);
    await trainer.write(trained);
    const whole = await trainer.predict(images.pixels);
    await trainer.restructure({ channels: { [group.id]: all.filter((channel) => !of.has(channel)) } });
    const deleted = await trainer.predict(images.pixels);
    expect(distance(deleted, masked)).toBeLessThan(1e-5);
    expect(distance(whole, masked)).toBeGreaterThan(1e-3);
  }
  trainer.dispose();
});

/** Batch norms with what they normalise. */
const norms = network.nodes.flatMap((node) =>
  node.op === 'batchNorm' ? [{ id: node.id, of: inputsOf(node)[0] ?? '' }] : [],
);

/** Means of the channels' batch statistics (biased variances) over steps, in double precision, of the running network. */
async function statistics(trainer: Trainer, steps: readonly number[]): Promise<ReadonlyMap<string, Float64Array>> {
  const found = new Map<string, Float64Array>();
  for (const step of steps) {
    const nodes = norms.map(({ of }) => of);
    const activations = await trainer.activations({ inputs: { step }, nodes, batchNorm: 'batch' });
    for (const { id, of } of norms) {
      const { shape, values } = activations.get(of) ?? { shape: [0, 0, 0, 0], values: new Float32Array() };
      const channels = shape[3];
      const pixels = values.length / channels;
      const mean = new Float64Array(channels);
      const square = new Float64Array(channels);
      values.forEach((value, i) => (mean[i % channels] = (mean[i % channels] ?? 0) + value / pixels));
      values.forEach((value, i) => {
        square[i % channels] = (square[i % channels] ?? 0) + (value - (mean[i % channels] ?? 0)) ** 2 / pixels;
      });
      for (const [name, batch] of [[`${id}/mean`, mean] as const, [`${id}/variance`, square] as const]) {
        const sum = found.get(name) ?? new Float64Array(channels);
        found.set(
          name,
          sum.map((value, i) => value + (batch[i] ?? 0) / steps.length),
        );
      }
    }
  }
  return found;
}

/** A full-size tensor without the channels that a structure prunes. */
function keptChannels(net: Network, structure: Structure, id: string, values: Float32Array | undefined): number[] {
  const group = groupsOf(net).find(({ producers }) =>
    producers.includes(norms.find((norm) => norm.id === id)?.of ?? ''),
  );
  return group ? keptOf(structure, group).map((channel) => values?.[channel] ?? NaN) : [];
}

describe.each([
  ['dense', denseStructure(network)],
  ['strided and pruned', strided],
])('recalibration, %s', (_, structure) => {
  const steps = [4, 0, 7];

  test('is the mean of the batch statistics on both engines, which agree; nothing else changes', async () => {
    const ours = await open(webgpu, { structure });
    await ours.train(3, () => HYPER);
    const before = await ours.checkpoint();
    const theirs = await open(tfjs, { structure });
    await theirs.restore(before);
    const expected = await statistics(ours, steps);
    for (const trainer of [ours, theirs]) await trainer.recalibrate(steps);
    const [mine, stock] = [await ours.checkpoint(), await theirs.checkpoint()];
    for (const { step, parameters, momentum } of [mine, stock]) {
      expect(step).toBe(before.step);
      expect(differing(before.momentum, momentum)).toEqual([]);
      expect(differing(before.parameters, parameters)).toEqual([...expected.keys()]);
      for (const [name, values] of expected) {
        const [id = ''] = name.split('/');
        const kept = (tensors: Tensors) => Float32Array.from(keptChannels(network, structure, id, tensors.get(name)));
        expect(distance(kept(parameters), Float32Array.from(values)), name).toBeLessThan(1e-4);
        // Channels that are off keep what they had.
        const off = new Float32Array(parameters.get(name) ?? []);
        const old = new Float32Array(before.parameters.get(name) ?? []);
        const changed = off.filter((value, i) => !Object.is(value, old[i])).length;
        expect(changed, name).toBe(values.length);
      }
    }
    for (const name of expected.keys()) {
      expect(distance(mine.parameters.get(name), stock.parameters.get(name)), name).toBeLessThan(1e-4);
    }
    // Training goes on from here as it would from a checkpoint of it.
    const resumed = await open(webgpu, { structure });
    await resumed.restore(mine);
    for (const trainer of [ours, resumed]) await trainer.train(1, () => HYPER);
    expect(differing(await ours.read(), await resumed.read())).toEqual([]);
    for (const trainer of [ours, theirs, resumed]) trainer.dispose();
  });
});

test('recalibration over more batches than one submission takes weighs them all alike', async () => {
  const trainer = await open();
  const after = async (steps: readonly number[]): Promise<Tensors> => {
    await trainer.recalibrate(steps);
    return trainer.read();
  };
  const few = await after([0, 3]);
  const many = await after([...Array<number>(SLOTS).fill(0), ...Array<number>(SLOTS).fill(3)]);
  const last = await after([3]);
  for (const { id } of norms) {
    for (const name of [`${id}/mean`, `${id}/variance`]) {
      expect(distance(many.get(name), few.get(name)), name).toBeLessThan(1e-5);
      expect(distance(last.get(name), few.get(name)), name).toBeGreaterThan(1e-3);
    }
  }
  trainer.dispose();
});
