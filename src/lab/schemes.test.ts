import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { budgetChannels, emptyView, fold } from '../core/events/view.ts';
import { buildNetwork, shapesOf } from '../core/network/index.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import { openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import type { Engine } from '../engine/engine.ts';
import { SCHEMES } from '../schemes/index.ts';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { openEngine } from './engines.ts';
import { Run } from './run.ts';
import { rememberShards } from './shard-memory.ts';
import { madeUpCifar, quadraticEngine, smallTraining, timeless } from './testing.ts';

/** Every scheme through the lab, on a real engine and real images. */

function specOf(scheme: object, model = { id: 'convnet-micro', width: 0.25 }, steps = 8): Spec {
  const parsed = parseSpec(
    {
      version: 1,
      name: 'short',
      seed: 5,
      model,
      data: { train: 110, test: 20, holdOut: 10 },
      train: smallTraining({ steps, batchSize: 5, evaluateEvery: steps }),
      scheme,
    },
    SCHEMES,
  );
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  return parsed.spec;
}

const tfjs = async () => (await openEngine({ backend: 'tfjs' })).engine;
const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));

async function opened(spec: Spec, { engine, resume }: { engine?: Engine; resume?: RunCheckpoint } = {}) {
  const events: RunEvent[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event) });
  await run.open(engine ?? (await tfjs()), engine ? madeUpCifar() : cifar, resume ? { resume } : {});
  return { run, events };
}

/** Trains up to a step; one before the end spares measuring the latency, which takes longer than all the training. */
async function trainTo(run: Run, step: number): Promise<void> {
  while (run.step < step && run.phase !== 'error') await run.advance('step');
}

const of = <Kind extends RunEvent['kind']>(events: readonly RunEvent[], kind: Kind) =>
  events.filter((event): event is RunEvent & { readonly kind: Kind } => event.kind === kind);

/** Weights and MACs of a chain of 3x3 convolutions with a classifier, counted from its widths alone. */
function recount(model: Spec['model'], widths: Readonly<Record<string, number>>) {
  const shapes = shapesOf(buildNetwork(model.id, model.width));
  let [inputs, macs, parameters] = [3, 0, 0];
  for (const [layer, width] of Object.entries(widths)) {
    const [height = 0, columns = 0] = shapes.get(layer) ?? [];
    parameters += 9 * inputs * width;
    macs += 9 * inputs * width * height * columns;
    inputs = width;
  }
  return { macs: macs + 10 * inputs, parameters: parameters + 10 * inputs };
}

describe.each([
  [{ id: 'uniform' }, [0]],
  [{ id: 'random', budget: { kind: 'macs', keep: 0.5 } }, [4]],
  [{ id: 'magnitude', iterations: 3, at: 2, every: 2 }, [2, 4, 6]],
  [{ id: 'slimming', strength: 0.01 }, [4]],
  [{ id: 'fpgm', budget: { kind: 'parameters', keep: 0.6 } }, [4]],
  [{ id: 'taylor', batches: 2, iterations: 2, every: 3 }, [4, 7]],
  [{ id: 'manual', at: 3, keep: { conv1: [1], conv3: 2 } }, [3]],
  [{ id: 'precrop', budget: { kind: 'parameters', keep: 0.7 } }, [0]],
])('%j', (scheme, steps) => {
  test('trains and prunes when it should; counts equal a recount from the widths', async () => {
    const spec = specOf(scheme);
    const { run, events } = await opened(spec);
    await trainTo(run, 7);
    expect([run.phase, run.step]).toEqual(['paused', 7]);
    expect([...new Set(of(events, 'prune').map(({ step }) => step))]).toEqual(steps);
    expect(of(events, 'regrow')).toEqual([]);
    for (const { widths, macs, parameters } of of(events, 'structure')) {
      expect({ macs, parameters }).toEqual(recount(spec.model, widths));
    }
    for (const { reasons, channels } of of(events, 'prune')) {
      expect(reasons.map(({ channel }) => channel)).toEqual(channels);
      expect(reasons.every(({ text, fate }) => fate === 'pruned' && /^Pruned: .*\.$/.test(text))).toBe(true);
    }
    for (const { trainLoss } of of(events, 'step')) expect(Number.isFinite(trainLoss)).toBe(true);
    await run.dispose();
  });
});

test('layers tied by additions lose the same channels, each told with the same reasons', async () => {
  const spec = specOf({ id: 'magnitude', scope: 'global' }, { id: 'resnet20', width: 0.25 }, 2);
  const { run, events } = await opened(spec, { engine: quadraticEngine() });
  await run.run();
  const stream = ['stem', 'block1.conv2', 'block2.conv2', 'block3.conv2'];
  const told = stream.map((layer) => of(events, 'prune').find((event) => event.layer === layer));
  expect(told[0]?.channels.length).toBeGreaterThan(0);
  for (const event of told) {
    expect(event?.channels).toEqual(told[0]?.channels);
    expect(event?.reasons).toEqual(told[0]?.reasons);
  }
  const view = fold(emptyView(), events);
  for (const { layer, channels } of view.layers) {
    if (stream.includes(layer)) expect(channels.map(({ reason }) => reason?.layer)).toEqual(Array(4).fill('stem'));
  }
  // Four stream channels for the four convolutions, and likewise 8 and 16, with three inner widths at each.
  const start = of(events, 'start')[0];
  expect(start && budgetChannels(start)).toBe((4 + 8 + 16) * (1 + 3));
  expect(of(events, 'start')[0]?.prunable).toEqual(Object.keys(of(events, 'start')[0]?.dense.widths ?? {}));
});

describe('a scheme that runs a network of other widths than the model', () => {
  const budget = [
    { kind: 'parameters', keep: 1 },
    { kind: 'macs', keep: 1 },
  ];
  const spec = specOf({ id: 'precrop', budget, preConfig: true }, { id: 'convnet-micro', width: 1 }, 4);

  test('tells the widths it runs beside the dense sizes, which stay those of the model', async () => {
    const { run, events } = await opened(spec, { engine: quadraticEngine() });
    await run.run();
    const [start] = of(events, 'start');
    const [structure] = of(events, 'structure');
    expect(start?.dense).toEqual({ ...recount(spec.model, start?.dense.widths ?? {}), widths: start?.dense.widths });
    expect(start?.dense.widths).toEqual({ conv1: 8, conv2: 16, conv3: 16, conv4: 32 });
    expect(start?.widths).toEqual(structure?.widths);
    expect(Object.values(start?.widths ?? {}).some((width, i) => width > ([8, 16, 16, 32][i] ?? 0))).toBe(true);
    const sizes = recount(spec.model, start?.widths ?? {});
    expect(structure).toMatchObject(sizes);
    expect(sizes.parameters).toBeLessThanOrEqual(start?.dense.parameters ?? 0);
    expect(sizes.macs).toBeLessThanOrEqual(start?.dense.macs ?? 0);
    expect(of(events, 'densities')).toHaveLength(1);
    expect(of(events, 'prune')).toEqual([]);
    // The page shows every channel there is, none of them off.
    const view = fold(emptyView(), events);
    expect(Object.fromEntries(view.layers.map(({ layer, total }) => [layer, total]))).toEqual(start?.widths);
    expect(view.layers.every(({ kept, channels }) => kept === channels.length)).toBe(true);
    expect(view.layers[0]?.channels[11]?.reason?.text).toMatch(/^Kept: conv1 is widened from 8 to 12 channels/);
    expect(start && budgetChannels(start)).toBe(Object.values(start?.widths ?? {}).reduce((a, b) => a + b, 0));
  });

  test('goes on from its checkpoint with the same network', async () => {
    const { run } = await opened(spec, { engine: quadraticEngine() });
    await trainTo(run, 2);
    const bytes = await encodeCheckpoint(await run.checkpoint());
    const resumed = await opened(spec, { engine: quadraticEngine(), resume: await decodeCheckpoint(bytes) });
    await trainTo(resumed.run, 3);
    await trainTo(run, 3);
    expect((await resumed.run.checkpoint()).trainer).toEqual((await run.checkpoint()).trainer);
  });

  test('any other run tells no widths of its own', async () => {
    const { events } = await opened(specOf({ id: 'precrop', budget: budget[0] }), { engine: quadraticEngine() });
    expect(of(events, 'start')[0]).not.toHaveProperty('widths');
  });
});

const SLIMMING = { id: 'slimming', strength: 0.05, iterations: 2, at: 4, every: 2 };

test.each([3, 5, 7])('slimming resumed at step %d is bit-identical to the unbroken run', async (step) => {
  const whole = await opened(specOf(SLIMMING, undefined, 9));
  await trainTo(whole.run, 8);
  const broken = await opened(specOf(SLIMMING, undefined, 9));
  await trainTo(broken.run, step);
  const bytes = await encodeCheckpoint(await broken.run.checkpoint());
  await broken.run.dispose();
  const resumed = await opened(specOf(SLIMMING, undefined, 9), { resume: await decodeCheckpoint(bytes) });
  await trainTo(resumed.run, 8);
  const after = (events: readonly RunEvent[]) => timeless(events.filter((event) => event.step > step));
  expect(of(resumed.events, 'step').length).toBe(8 - step);
  expect(after(resumed.events)).toEqual(after(whole.events));
  expect((await resumed.run.checkpoint()).trainer).toEqual((await whole.run.checkpoint()).trainer);
});

test('the penalty makes BN scales smaller', async () => {
  const scalesWith = async (strength: number) => {
    const { run } = await opened(specOf({ ...SLIMMING, strength }));
    await trainTo(run, 3);
    const { trainer } = await run.checkpoint();
    return [...(trainer.parameters.get('conv2.bn/gamma') ?? [])].reduce((sum, gamma) => sum + Math.abs(gamma), 0);
  };
  expect(await scalesWith(0.5)).toBeLessThan((await scalesWith(0)) - 0.1);
});

describe('rules of the update', () => {
  /** Steps at which a trainer was given rules, with how many. */
  async function rulesOf(scheme: object, resume?: RunCheckpoint) {
    const seen: [step: number, rules: number][] = [];
    const engine = quadraticEngine();
    const listening: Engine = {
      ...engine,
      open: async (...given) => {
        const trainer = await engine.open(...given);
        trainer.setRules = async (rules) => void seen.push([trainer.step, rules.size]);
        return trainer;
      },
    };
    const { run } = await opened(specOf(scheme), { engine: listening, ...(resume ? { resume } : {}) });
    await trainTo(run, 5);
    const checkpoint = await run.checkpoint();
    await run.run();
    return { seen, checkpoint };
  }

  test('are set at the start, after every decision and after a restore, and taken back after the last pruning', async () => {
    const { seen, checkpoint } = await rulesOf(SLIMMING);
    expect(seen).toEqual([
      [0, 4],
      [4, 4],
      [6, 0],
    ]);
    expect((await rulesOf(SLIMMING, checkpoint)).seen).toEqual([
      [0, 4],
      [5, 4],
      [6, 0],
    ]);
  });

  test('are never set for a scheme without any', async () => {
    expect((await rulesOf({ id: 'magnitude' })).seen).toEqual([]);
  });
});
