import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Network, type Structure, buildNetwork, denseStructure } from '../../src/core/network/index.ts';
import type { Trainer } from '../../src/engine/engine.ts';
import { type WebGpuEngine, openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { ZERO_VEC4S } from '../../src/engine/webgpu/kernel.ts';
import {
  HYPER,
  type Images,
  hyperAt,
  openTrainer,
  randomStructure,
  realImages,
  stridedStructure,
  watch,
} from './harness.ts';

/** Trainers of one engine compute in the same memory, and none notices. */
let images: Images;
let given: Images;
beforeAll(async () => {
  const { pixels, labels } = await realImages(38);
  images = { pixels: pixels.slice(0, 32 * 3_072), labels: labels.slice(0, 32) };
  given = { pixels: pixels.slice(32 * 3_072), labels: labels.slice(32) };
});

/** Depthwise convolution, gates, all kinds of pooling, flatten, a residual input and a hidden dense layer. */
const MIXED: Network = {
  id: 'mixed',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'a', op: 'conv', input: 'input', filters: 6, kernel: 3, stride: 2 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'a.relu', op: 'relu6', input: 'a.bn' },
    { id: 'd', op: 'depthwiseConv', input: 'a.relu', kernel: 3, stride: 1 },
    { id: 'd.gate', op: 'gate', input: 'd' },
    { id: 'sum', op: 'add', inputs: ['d.gate', 'a.relu'] },
    { id: 'max', op: 'maxPool', input: 'sum', size: 3, stride: 2 },
    { id: 'b', op: 'conv', input: 'max', filters: 9, kernel: 1, stride: 1 },
    { id: 'average', op: 'avgPool', input: 'b', size: 2, stride: 2 },
    { id: 'flat', op: 'flatten', input: 'average' },
    { id: 'hidden', op: 'dense', input: 'flat', units: 13 },
    { id: 'hidden.relu', op: 'relu', input: 'hidden' },
    { id: 'dense', op: 'dense', input: 'hidden.relu', units: 10 },
  ],
};

interface Runner {
  readonly network: Network;
  readonly batchSize: number;
  /** What it changes to, one after the other. */
  readonly structures: readonly Structure[];
}

const micro = buildNetwork('convnet-micro', 0.5);
const residual = buildNetwork('resnet20', 0.25);
const pruned = (network: Network, seed: number): Structure => randomStructure(network, 0.6, seed);

/** From narrow to wide, so that each who opens needs larger buffers than there are. */
const RUNNERS: readonly Runner[] = [
  { network: MIXED, batchSize: 3, structures: [pruned(MIXED, 1)] },
  {
    network: micro,
    batchSize: 8,
    structures: [stridedStructure(micro, 3, pruned(micro, 2).channels, 2), denseStructure(micro)],
  },
  { network: residual, batchSize: 5, structures: [pruned(residual, 4)] },
];

const open = (engine: WebGpuEngine, { network, batchSize }: Runner): Promise<Trainer> =>
  openTrainer(engine, network, images, { batchSize });

/** Every call that computes, some after a change of structure or of rules. Those with results return them. */
function* callsOf(trainer: Trainer, { network, structures }: Runner): Generator<() => Promise<unknown>> {
  const kernel = `${network.nodes.find(({ op }) => op === 'conv')?.id}/kernel`;
  const nodes = network.nodes.map(({ id }) => id);
  const saliency = { inputs: 'ones', loss: 'sumOfLogits', parameters: 'absolute', batchNorm: 'running' } as const;
  yield () => trainer.train(2, hyperAt);
  yield () => trainer.evaluate('test');
  yield () => trainer.gradients({ inputs: { step: 1 } });
  yield () => trainer.activations({ inputs: given, nodes, gradients: true });
  for (const structure of structures) {
    yield () => trainer.restructure(structure);
    yield () => trainer.train(1, hyperAt);
    yield () => trainer.predict(given.pixels);
    yield () => trainer.gradients({ inputs: given, batchNorm: 'running' });
    yield () => trainer.latency(2).then(({ batch }) => batch);
    yield () => trainer.evaluate('holdOut', 20);
    yield () => trainer.gradients({ ...saliency, rescale: true });
    yield () => trainer.setRules(new Map([[kernel, { learningRateScale: 0.5 }]]));
    yield () => trainer.train(2, hyperAt);
    yield () => trainer.setRules(new Map());
  }
  yield () => trainer.train(2, hyperAt);
  yield () => trainer.checkpoint();
}

async function outcomesOf(calls: Iterable<() => Promise<unknown>>): Promise<unknown[]> {
  const outcomes: unknown[] = [];
  for (const call of calls) outcomes.push(await call());
  return outcomes;
}

const sameNumbers = (a: Float32Array, b: unknown): boolean =>
  b instanceof Float32Array && a.length === b.length && a.every((value, i) => Object.is(value, b[i]));

/** Where two results differ by a bit, as paths: arrays of numbers are too long to be shown. */
function differences(a: unknown, b: unknown, path = 'call'): string[] {
  if (a instanceof Map && b instanceof Map) return differences(Object.fromEntries(a), Object.fromEntries(b), path);
  if (!a || !b || typeof a !== 'object' || typeof b !== 'object') return Object.is(a, b) ? [] : [path];
  if (a instanceof Float32Array) return sameNumbers(a, b) ? [] : [path];
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  const at = (object: object, key: string): unknown => new Map<string, unknown>(Object.entries(object)).get(key);
  return [...keys].flatMap((key) => differences(at(a, key), at(b, key), `${path} ${key}`));
}

/** What each runner computes while nobody else uses the engine. */
async function alone(engine: WebGpuEngine): Promise<unknown[][]> {
  const outcomes: unknown[][] = [];
  for (const runner of RUNNERS) {
    const trainer = await open(engine, runner);
    outcomes.push(await outcomesOf(callsOf(trainer, runner)));
    trainer.dispose();
  }
  return outcomes;
}

/** Fills what is shared with NaN, but for the zeros in front of activations. Call before anything is opened. */
function poison({ device }: WebGpuEngine['device']): () => void {
  const shared = new Set<GPUBuffer>();
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    if (!descriptor.label?.startsWith('shared ')) return buffer;
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      shared.delete(buffer);
      return destroy();
    };
    shared.add(buffer);
    return buffer;
  };
  return () => {
    expect(shared.size).toBeGreaterThan(0);
    for (const buffer of shared) {
      const offset = buffer.label.includes('activation') ? ZERO_VEC4S * 16 : 0;
      device.queue.writeBuffer(buffer, offset, new Float32Array((buffer.size - offset) / 4).fill(NaN));
    }
  };
}

describe('trainers of different networks, batches and structures compute on one engine what they do alone', () => {
  let engine: WebGpuEngine;
  let spoil: () => void;
  let expected: unknown[][];
  beforeAll(async () => {
    engine = await openWebGpuEngine();
    spoil = poison(engine.device);
    expected = await alone(engine);
  });
  afterAll(() => engine.dispose());

  test('call by call in turn, although between calls all that is shared becomes NaN', async () => {
    const trainers: Trainer[] = [];
    for (const runner of RUNNERS) trainers.push(await open(engine, runner));
    const calls = trainers.map((trainer, index): Iterator<() => Promise<unknown>> =>
      callsOf(trainer, RUNNERS[index] as Runner),
    );
    const outcomes: unknown[][] = RUNNERS.map(() => []);
    for (let running = true; running;) {
      running = false;
      for (const [index, iterator] of calls.entries()) {
        const { value, done } = iterator.next();
        if (done) continue;
        running = true;
        spoil();
        outcomes[index]?.push(await value());
      }
    }
    RUNNERS.forEach(({ network }, index) =>
      expect(differences(outcomes[index], expected[index]), network.id).toEqual([]),
    );
    for (const trainer of trainers) trainer.dispose();
  });

  test('all at once: calls take turns', async () => {
    const outcomes = await Promise.all(
      RUNNERS.map(async (runner) => outcomesOf(callsOf(await open(engine, runner), runner))),
    );
    RUNNERS.forEach(({ network }, index) =>
      expect(differences(outcomes[index], expected[index]), network.id).toEqual([]),
    );
  });
});

test('a trainer that diverges spoils no other', async () => {
  const losses: unknown[] = [];
  const engine = await openWebGpuEngine();
  for (const diverges of [false, true]) {
    const [other, trainer] = [
      await openTrainer(engine, residual, images, { batchSize: 4 }),
      await open(engine, RUNNERS[1] as Runner),
    ];
    if (diverges) {
      const { loss } = await other.train(4, () => ({ ...HYPER, learningRate: 1e30 }));
      expect(loss.some(Number.isFinite) && loss.every(Number.isFinite)).toBe(false);
    }
    losses.push([await trainer.train(3, hyperAt), await trainer.read()]);
    for (const gone of [other, trainer]) gone.dispose();
  }
  engine.dispose();
  expect(losses[1]).toEqual(losses[0]);
});

describe('memory', () => {
  const race = { network: micro, batchSize: 16, structures: [] };
  // One for all: opening an engine compiles all its kernels.
  let engine: WebGpuEngine;
  beforeAll(async () => {
    engine = await openWebGpuEngine();
  });
  afterAll(() => engine.dispose());

  test('six trainers hold six times their own and once what they share', async () => {
    const made = watch(engine.device.device);
    const trainers: Trainer[] = [];
    // The first opening tells what a data set takes; all trainers have one each here.
    const grown: { said: number; held: number }[] = [];
    for (let index = 0; index < 6; index++) {
      const before = { said: engine.bytes, held: made().bytes };
      const trainer = await open(engine, race);
      await trainer.train(1, hyperAt);
      await trainer.evaluate('test');
      trainers.push(trainer);
      grown.push({ said: engine.bytes - before.said, held: made().bytes - before.held });
    }
    const data = engine.openData({ train: 32, holdOut: 32, test: 32 }).bytes ?? 0;
    const [first, second] = [grown[0]?.said ?? 0, grown[1]?.said ?? 0];
    const { bytes } = trainers[0] ?? { bytes: 0 };
    expect(first).toBe(bytes + data);
    expect(trainers.map((trainer) => trainer.bytes)).toEqual(trainers.map(() => bytes));
    const own = second - data;
    const shared = bytes - own;
    expect(shared).toBeGreaterThan(4 * own);
    const all = engine.bytes - 7 * data;
    expect(all / (6 * own + shared)).toBeGreaterThan(0.99);
    expect(all / (6 * own + shared)).toBeLessThan(1.01);
    // The device agrees, but for a few small uniforms.
    for (const { said, held } of grown) expect(Math.abs(held - said)).toBeLessThan(20_000);
    trainers.splice(0, 3).forEach((trainer) => trainer.dispose());
    expect(engine.bytes - 7 * data).toBe(3 * own + shared);
    for (const trainer of trainers) {
      expect((await trainer.train(1, hyperAt)).loss.every(Number.isFinite)).toBe(true);
      trainer.dispose();
    }
    expect(engine.bytes).toBe(7 * data);
    expect(made().bytes).toBe(7 * data);
  });

  test('who opened before a larger one moves to its buffers at the next change of structure', async () => {
    /** Bytes that trainers of these batch sizes take when they are open, and after they changed their structure. */
    const opened = async (...batchSizes: number[]): Promise<{ first: number; changed: number }> => {
      const before = engine.bytes;
      const trainers: Trainer[] = [];
      for (const batchSize of batchSizes) trainers.push(await open(engine, { ...race, batchSize }));
      const first = engine.bytes - before;
      for (const trainer of trainers) {
        await trainer.restructure(pruned(micro, 1));
        await trainer.train(1, hyperAt);
        // Plans of evaluation move when they are next made.
        await trainer.evaluate('test');
      }
      const changed = engine.bytes - before;
      for (const trainer of trainers) trainer.dispose();
      return { first, changed };
    };
    const [growing, shrinking] = [await opened(16, 32), await opened(32, 16)];
    expect(growing.first).toBeGreaterThan(shrinking.first);
    expect(growing.changed).toBe(shrinking.changed);
  });

  test('a call whose trainer was closed while it waited is refused', async () => {
    const [first, second] = [await open(engine, race), await open(engine, race)];
    const [training, waiting] = [first.train(2, hyperAt), second.train(1, hyperAt)];
    second.dispose();
    await expect(waiting).rejects.toThrow(/closed/);
    expect((await training).loss.every(Number.isFinite)).toBe(true);
    first.dispose();
  });
});
