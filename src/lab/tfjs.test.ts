import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { openCifar10 } from '../data/cifar10.ts';
import { fileSource } from '../data/file-source.ts';
import { openEngine } from './engines.ts';
import { Run } from './run.ts';
import { rememberShards } from './shard-memory.ts';
import { smallSpec, smallTraining, timeless } from './testing.ts';

/** The lab with a real engine on real images. */
const spec = smallSpec({
  model: { id: 'convnet-micro', width: 0.25 },
  train: smallTraining({ steps: 6, evaluateEvery: 3, augment: ['crop', 'flip'] }),
  scheme: { ...smallSpec().scheme, every: 2, until: 4 },
});

test('a run that wants f16 is refused with the key, and nothing is left open', async () => {
  const { engine } = await openEngine({ backend: 'tfjs' });
  const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
  const run = new Run({ ...spec, train: { ...spec.train, storage: 'f16' } }, { onEvent: () => {} });
  await expect(run.open(engine, cifar)).rejects.toThrow(/^train\.storage: .*set train\.storage to "f32"\.$/);
  expect(run.bytes).toBe(0);
});

test('on TensorFlow.js and CIFAR-10: a run is bit-identical to the same one stepped', { timeout: 60_000 }, async () => {
  const { engine } = await openEngine({ backend: 'tfjs' });
  const cifar = rememberShards(await openCifar10(fileSource(join(import.meta.dirname, '../../public/data'))));
  const trained = async (drive: (run: Run) => Promise<void>): Promise<readonly RunEvent[]> => {
    const events: RunEvent[] = [];
    const run = new Run(spec, { onEvent: (event) => events.push(event) });
    await run.open(engine, cifar);
    await drive(run);
    await run.dispose();
    return events.filter((event) => event.kind !== 'finish');
  };
  const first = await trained((run) => run.run());
  const stepped = await trained(async (run) => {
    while (run.phase !== 'done') await run.advance('step');
  });
  expect(first.filter((event) => event.kind === 'step').length).toBe(6);
  expect(first.filter((event) => event.kind === 'evaluate').map((event) => event.step)).toEqual([3, 6]);
  expect(first.some((event) => event.kind === 'regrow')).toBe(true);
  expect(timeless(stepped)).toEqual(timeless(first));
});
