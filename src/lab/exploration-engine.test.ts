import { join } from 'node:path';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { dawn } from '../../bin/dawn.ts';
import type { RunEvent } from '../core/events/events.ts';
import type { Candidate } from '../core/scheme/scheme.ts';
import type { UpdateRule } from '../core/scheme/rules.ts';
import { openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import type { Engine, EngineData, Trainer } from '../engine/engine.ts';
import { openTfjsEngine } from '../engine/tfjs/index.ts';
import { requestDevice } from '../engine/webgpu/device.ts';
import { WebGpuEngine } from '../engine/webgpu/index.ts';
import { candidatesFor, probe } from './probing.ts';
import { Run } from './run.ts';
import { rememberShards } from './shard-memory.ts';
import { smallSpec, smallTraining } from './testing.ts';

vi.mock('../schemes/index.ts', async (original) => {
  const { SCHEMES, schemeById } = await original<typeof import('../schemes/index.ts')>();
  const { probing } = await import('./probing.ts');
  return {
    SCHEMES: [...SCHEMES, probing],
    schemeById: (id: string) => (id === probing.id ? probing : schemeById(id)),
  };
});

/** Our engine on Dawn where this machine has an adapter, TensorFlow.js elsewhere. */
const opened: Engine = await dawn()
  .then(requestDevice)
  .then((device) => new WebGpuEngine(device))
  .catch(() => openTfjsEngine({ backend: 'cpu' }));
afterAll(() => opened.dispose());
afterEach(() => Object.assign(probe, { during: null, rules: null }));

const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
const IMAGES = 60;
const spec = smallSpec({
  scheme: { id: 'probing' },
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 260, test: 20, holdOut: 100 },
  train: smallTraining({ steps: 8, evaluateEvery: 8, weightDecay: 1e-3 }),
});

/** Half of one kernel masked, another one quantised: what earlier stages leave in force. */
const rules = (): Map<string, UpdateRule> =>
  new Map([
    ['conv3/kernel', { mask: Float32Array.from({ length: 8 * 9 * 8 }, (_, i) => i % 2) }],
    ['conv4/kernel', { quantiser: { step: 0.1, levels: 3 } }],
  ]);

test(`on ${opened.info.backend}: candidates score what trainers opened with them score, rules in force included; a pause changes nothing`, async () => {
  probe.rules = rules;
  let data: EngineData | undefined;
  const trainers: Trainer[] = [];
  const engine: Engine = {
    info: opened.info,
    bytes: 0,
    lost: opened.lost,
    dispose: () => undefined,
    openData: (layout) => (data = opened.openData(layout)),
    open: async (...given) => {
      const trainer = await opened.open(...given);
      trainers.push(trainer);
      return trainer;
    },
  };
  const compared: number[] = [];
  const trained = async (pauses: boolean) => {
    const events: RunEvent[] = [];
    const run = new Run(spec, { onEvent: (event) => events.push(event) });
    await run.open(engine, cifar);
    const own = trainers.at(-1);
    probe.during = async (explore, structure) => {
      if (!pauses) return;
      const before = await own?.checkpoint();
      const parameters = before?.parameters ?? new Map<string, Float32Array>();
      const kernel = parameters.get('conv1/kernel') ?? new Float32Array();
      const masked: Candidate = { structure, write: new Map([['conv3/kernel', new Float32Array(576).fill(0.2)]]) };
      const candidates = [...candidatesFor(structure, kernel, 4), masked, { structure }];
      const scores = await explore.accuracies(candidates, IMAGES);
      const alone = async (candidate: Candidate, inForce: boolean): Promise<number> => {
        if (!data) throw new Error('the run has no images');
        const merged = new Map([...parameters, ...(candidate.write ?? [])]);
        const trainer = await opened.open(run.plan.network, candidate.structure, merged, {
          data,
          seed: 1,
          batchSize: 4,
          labelSmoothing: 0,
          augment: { crop: true, flip: true },
          batch: () => new Uint32Array(4),
        });
        if (inForce) await trainer.setRules(rules());
        const { accuracy } = await trainer.evaluate('holdOut', IMAGES);
        trainer.dispose();
        return accuracy;
      };
      const wanted: number[] = [];
      const without: number[] = [];
      for (const candidate of candidates) {
        wanted.push(await alone(candidate, true));
        without.push(await alone(candidate, false));
      }
      expect(scores).toEqual(wanted);
      expect(await own?.checkpoint()).toEqual(before);
      expect(scores).not.toEqual(without);
      compared.push(scores.length);
      // Once: the decision is then made again.
      probe.during = null;
      run.pause();
    };
    await run.run();
    if (pauses) {
      expect([run.phase, run.step]).toEqual(['paused', 4]);
      await run.run();
    }
    expect(run.phase).toBe('done');
    const { trainer } = await run.checkpoint();
    await run.dispose();
    return { trainer, stages: events.flatMap((event) => (event.kind === 'stage' ? [event.accuracy] : [])) };
  };
  const [undisturbed, paused] = [await trained(false), await trained(true)];
  expect(compared).toEqual([6]);
  expect(paused).toEqual(undisturbed);
  expect(paused.stages.length).toBe(2);
});
