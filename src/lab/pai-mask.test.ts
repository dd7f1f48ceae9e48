import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { buildNetwork, countNetwork } from '../core/network/index.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import { openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import { SCHEMES } from '../schemes/index.ts';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from './checkpoint.ts';
import { openEngine } from './engines.ts';
import { type OpenOptions, Run } from './run.ts';
import { rememberShards } from './shard-memory.ts';
import { smallTraining, timeless } from './testing.ts';

/** Weight masks through the lab, on a real engine and real images. */

const { engine } = await openEngine({ backend: 'tfjs' });
const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
const model = { id: 'convnet-micro', width: 0.25 };
const KEEP = 0.3;

const masksBy = (options: object = {}) => ({
  id: 'pai-mask',
  budget: { kind: 'parameters', keep: KEEP },
  passes: 3,
  ...options,
});

function specOf(scheme: object = masksBy()): Spec {
  const parsed = parseSpec(
    {
      version: 1,
      seed: 5,
      model,
      data: { train: 210, test: 20, holdOut: 10 },
      train: smallTraining({ steps: 9, batchSize: 5, evaluateEvery: 9, weightDecay: 1e-3 }),
      scheme,
    },
    SCHEMES,
  );
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  return parsed.spec;
}

async function trained(to: number, spec = specOf(), options: OpenOptions = {}) {
  const events: RunEvent[] = [];
  const run = new Run(spec, { onEvent: (event) => events.push(event) });
  await run.open(engine, cifar, options);
  while (run.step < to) await run.advance('step');
  const checkpoint = await run.checkpoint();
  await run.dispose();
  return { events, checkpoint };
}

/** Entries of each kernel that are not zero. */
const filled = ({ trainer }: RunCheckpoint): Map<string, number[]> =>
  new Map(
    [...trainer.parameters].flatMap(([name, values]) =>
      name.endsWith('/kernel') ? [[name, [...values].flatMap((value, i) => (value === 0 ? [] : [i]))] as const] : [],
    ),
  );

test('masks hold through training, a checkpoint and a resume, which is bit-identical to the unbroken run', async () => {
  const start = await trained(0);
  const kernels = filled(start.checkpoint);
  const weights = countNetwork(buildNetwork(model.id, model.width)).parameters;
  const kept = [...kernels.values()].reduce((sum, entries) => sum + entries.length, 0);
  expect(kept).toBe(weights - Math.floor((1 - KEEP) * weights));

  const whole = await trained(6);
  expect(filled(whole.checkpoint)).toEqual(kernels);
  const broken = await trained(3);
  const resume = await decodeCheckpoint(await encodeCheckpoint(broken.checkpoint));
  const resumed = await trained(6, specOf(), { resume });
  expect(resumed.checkpoint.trainer).toEqual(whole.checkpoint.trainer);
  expect(resumed.checkpoint.scheme).toEqual(whole.checkpoint.scheme);
  const after = (events: readonly RunEvent[]) => timeless(events.filter(({ step }) => step > 3));
  expect(after(resumed.events)).toEqual(after(whole.events));
});

test('the network stays dense: full counts, no channel gone, and the report tells what is kept', async () => {
  const { events } = await trained(0, specOf(masksBy({ pattern: 'shuffled' })));
  const { macs, parameters } = countNetwork(buildNetwork(model.id, model.width));
  expect(events.find(({ kind }) => kind === 'structure')).toMatchObject({ step: 0, macs, parameters });
  const told = events.find((event) => event.kind === 'densities');
  expect(told).toMatchObject({ step: 0, report: { source: 'synflow', removes: 'weights' } });
  const layers = told?.kind === 'densities' ? told.report.layers : [];
  const kept = layers.reduce((sum, layer) => sum + layer.kept, 0);
  expect(kept / parameters).toBeCloseTo(KEEP, 2);
});

test('SNIP on the run’s own images: the same seed gives the same bits', async () => {
  const spec = specOf(masksBy({ score: 'snip' }));
  const [one, other] = [await trained(2, spec), await trained(2, spec)];
  expect(one.checkpoint.trainer).toEqual(other.checkpoint.trainer);
  expect(one.checkpoint.scheme).toEqual(other.checkpoint.scheme);
});

test('too few images of a class are refused with the key, and nothing is left open', async () => {
  const spec = specOf(masksBy({ score: 'grasp' }));
  const run = new Run({ ...spec, data: { ...spec.data, train: 60 } }, { onEvent: () => undefined });
  await expect(run.open(engine, cifar)).rejects.toThrow(
    /^data\.train: the scores need 10 training images of each class/,
  );
  expect(run.bytes).toBe(0);
});

test.each([masksBy({ pattern: 'fresh' }), { id: 'precrop', budget: { kind: 'parameters', keep: KEEP } }])(
  'in a fork to %j fresh weights have no momentum',
  async (scheme) => {
    const dense = await trained(4, specOf({ id: 'dense' }));
    const spec = specOf(scheme);
    const resume = { ...dense.checkpoint, spec, scheme: undefined };
    const { checkpoint, events } = await trained(4, spec, { resume, fork: { scheme: true } });
    expect(events.find(({ kind }) => kind === 'densities')).toMatchObject({ step: 4 });
    const moving = ({ trainer }: RunCheckpoint): string[] =>
      [...trainer.momentum].flatMap(([name, values]) => (values.some((value) => value !== 0) ? [name] : []));
    const kernels = moving(dense.checkpoint).filter((name) => name.endsWith('/kernel'));
    expect(kernels.length).toBe(5);
    expect(moving(checkpoint)).not.toEqual(expect.arrayContaining([expect.stringMatching(/kernel$/)]));
  },
);

test('a fork to masks scores the weights as they are there, and tells their densities', async () => {
  const dense = await trained(4, specOf({ id: 'dense' }));
  const resume = { ...dense.checkpoint, spec: specOf(), scheme: undefined };
  const fork = await trained(6, specOf(), { resume, fork: { scheme: true } });
  expect(fork.events.find(({ kind }) => kind === 'densities')).toMatchObject({ step: 4 });
  const kept = [...filled(fork.checkpoint).values()].reduce((sum, entries) => sum + entries.length, 0);
  const weights = countNetwork(buildNetwork(model.id, model.width)).parameters;
  expect(Math.abs(kept - KEEP * weights)).toBeLessThanOrEqual(2);
});
