import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { buildNetwork, countStructure, initialParameters, widthsOf } from '../core/network/index.ts';
import { type Cifar10, openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import { openEngine } from './engines.ts';
import { Run } from './run.ts';
import { rememberShards } from './shard-memory.ts';
import { madeUpCifar, quadraticEngine, smallSpec, smallTraining } from './testing.ts';

/** Questions to a real run on real images, by the tfjs engine. */
const spec = smallSpec({
  model: { id: 'convnet-micro', width: 0.25 },
  data: { train: 110, test: 30, holdOut: 10 },
  train: smallTraining({ steps: 6, evaluateEvery: 3 }),
  scheme: { ...smallSpec().scheme, every: 2, until: 4 },
});
const events: RunEvent[] = [];
const run = new Run(spec, { onEvent: (event) => events.push(event) });
let cifar: Cifar10;

beforeAll(async () => {
  const { engine } = await openEngine({ backend: 'tfjs' });
  cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
  await run.open(engine, cifar, { snapshots: true });
  await run.run();
}, 60_000);
afterAll(() => run.dispose());

const argmax = (logits: Float32Array, image: number): number => {
  const row = [...logits.subarray(image * 10, image * 10 + 10)];
  return row.indexOf(Math.max(...row));
};

describe('predictions', () => {
  test('give the accuracy and loss that the evaluation of that step told', async () => {
    const { logits, labels, step } = await run.ask({ kind: 'predictions' });
    const told = events.findLast((event) => event.kind === 'evaluate');
    expect(step).toBe(6);
    expect([...labels].filter((label, image) => argmax(logits, image) === label).length / 30).toBeCloseTo(
      told?.testAccuracy ?? NaN,
      9,
    );
    const losses = [...labels].map((label, image) => {
      const row = [...logits.subarray(image * 10, image * 10 + 10)];
      return Math.log(row.reduce((sum, z) => sum + Math.exp(z), 0)) - (row[label] ?? 0);
    });
    expect(losses.reduce((sum, loss) => sum + loss, 0) / 30).toBeCloseTo(told?.testLoss ?? NaN, 5);
  });

  test('of a checkpoint are those of its step and structure', async () => {
    const before = await run.ask({ kind: 'predictions', at: 3 });
    expect(before.step).toBe(3);
    const told = events.find((event) => event.kind === 'evaluate');
    const right = [...before.labels].filter((label, image) => argmax(before.logits, image) === label).length;
    expect(right / 30).toBeCloseTo(told?.testAccuracy ?? NaN, 9);
    await expect(run.ask({ kind: 'predictions', at: 5 })).rejects.toThrow('Step 5 has no checkpoint any more.');
  });
});

test('test images and their labels are those that the predictions are of', async () => {
  const { labels } = await run.ask({ kind: 'predictions' });
  const some = await run.ask({ kind: 'testImages', indices: [29, 0, 7] });
  expect([...some.labels]).toEqual([29, 0, 7].map((index) => labels[index]));
  const all = await run.ask({ kind: 'predict', pixels: some.pixels });
  const { logits } = await run.ask({ kind: 'predictions' });
  [29, 0, 7].forEach((index, place) => {
    const [expected, found] = [logits.subarray(index * 10, index * 10 + 10), all.logits.subarray(place * 10)];
    expected.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 4));
  });
  await expect(run.ask({ kind: 'testImages', indices: [30] })).rejects.toThrow('The run has 30 test images');
});

test('activations are those of the compact network, and the last ones give the logits', async () => {
  const { pixels } = await run.ask({ kind: 'testImages', indices: [1, 2] });
  const { activations, structure } = await run.ask({ kind: 'activations', pixels, nodes: ['conv1', 'dense'] });
  const { logits } = await run.ask({ kind: 'predict', pixels });
  expect(activations.get('conv1')?.shape).toEqual([2, 32, 32, structure.channels['conv1']?.length]);
  logits.forEach((value, i) => expect(activations.get('dense')?.values[i]).toBeCloseTo(value, 4));
  await expect(run.ask({ kind: 'predict', pixels: new Uint8Array(100) })).rejects.toThrow('100 bytes are no whole');
});

test('a model has the tensors, full-size, and the structure that the history tells', async () => {
  const { network, structure, tensors } = await run.ask({ kind: 'model' });
  const told = events.findLast((event) => event.kind === 'structure');
  expect(structure.channels).toEqual(told?.structure.channels);
  expect(countStructure(network, structure).macs).toBe(told?.macs);
  for (const [name, values] of initialParameters(network, spec.seed)) {
    expect(tensors.get(name)?.length, name).toBe(values.length);
  }
  const { tensors: one } = await run.ask({ kind: 'tensors', names: ['conv1/kernel'] });
  expect([...one.keys()]).toEqual(['conv1/kernel']);
  expect(one.get('conv1/kernel')).toEqual(tensors.get('conv1/kernel'));
});

test('measuring leaves the run as it is and tells how far it is', async () => {
  const before = await run.ask({ kind: 'tensors' });
  const { structure } = await run.ask({ kind: 'model' });
  const heard: number[] = [];
  const onProgress = (done: number, of: number): unknown => heard.push(done / of);
  const trained = await run.ask({ kind: 'measure', structures: [structure], batches: [] }, { onProgress });
  expect(trained.batchSize).toBe(10);
  for (const { imagesPerSecond, steps } of trained.speeds) expect((imagesPerSecond ?? 0) * steps).toBeGreaterThan(0);
  expect(heard).toEqual([...heard].sort((a, b) => a - b));
  expect(heard.at(-1)).toBe(1);
  const { speeds } = await run.ask({
    kind: 'measure',
    structures: ['dense', structure],
    batches: [1, 2],
    training: false,
  });
  for (const { latencyMs, imagesPerSecond } of speeds) {
    expect(imagesPerSecond).toBeNull();
    expect(latencyMs.map(({ batch }) => batch)).toEqual([1, 2]);
    for (const { median, p95, n } of latencyMs) {
      expect(median).toBeGreaterThan(0);
      expect(p95).toBeGreaterThanOrEqual(median);
      expect(n).toBeGreaterThanOrEqual(6);
    }
  }
  expect(await run.ask({ kind: 'tensors' })).toEqual(before);
});

test('dense is the model that the spec names, also where its scheme runs another network', async () => {
  const budget = [
    { kind: 'parameters', keep: 0.5 },
    { kind: 'macs', keep: 0.5 },
  ] as const;
  const widened = new Run(
    {
      ...spec,
      model: { id: 'convnet-micro', width: 1 },
      scheme: { id: 'precrop', budget, densities: 'synexp', preConfig: true, minimum: 2, multipleOf: 1, passes: 30 },
    },
    { onEvent: () => undefined },
  );
  const engine = quadraticEngine();
  await widened.open(engine, madeUpCifar());
  const { structure } = await widened.ask({ kind: 'model' });
  await widened.ask({ kind: 'measure', structures: ['dense', structure], batches: [1], training: false });
  const [own, ...beside] = engine.trainers.map(({ network }) => widthsOf(network));
  const model = widthsOf(buildNetwork('convnet-micro'));
  expect(own).not.toEqual(model);
  expect(beside).toEqual([model, own]);
  await widened.dispose();
});

test('a question taken back, a structure that is none and a closed run are refused with a sentence', async () => {
  const controller = new AbortController();
  controller.abort();
  await expect(run.ask({ kind: 'tensors' }, { signal: controller.signal })).rejects.toThrow('taken back');
  const structures = [{ channels: { conv1: [99] } }];
  await expect(run.ask({ kind: 'measure', structures, batches: [1] })).rejects.toThrow(/conv1/);
  const closed = new Run(spec, { onEvent: () => undefined });
  await expect(closed.ask({ kind: 'tensors' })).rejects.toThrow('This run is not open.');
});
