import { expect, test } from 'vitest';
import type { Split } from '../engine/engine.ts';
import { Feeder, layoutOf } from './feeder.ts';
import { rememberShards } from './shard-memory.ts';
import { MemoryData, madeUpCifar } from './testing.ts';

const spec = { train: 90, test: 25, holdOut: 15 };

function feeding(cifar = madeUpCifar(), data = spec) {
  const target = new MemoryData(layoutOf(data));
  const progress: [number, number][] = [];
  const failures: string[] = [];
  const feeder = new Feeder(cifar, data, target, {
    onProgress: (loaded, total) => progress.push([loaded, total]),
    onFailure: (error) => failures.push(error.message),
  });
  return { feeder, target, cifar, progress, failures };
}

/** A gate that opens for one file at a time. */
function gate() {
  const open = new Map<string, () => void>();
  const before = (file: string) => new Promise<void>((resolve) => open.set(file, resolve));
  const let1 = async (file: string) => {
    open.get(file)?.();
    await new Promise((resolve) => setTimeout(resolve, 0));
  };
  return { before, let1 };
}

test('loads only what the spec needs, training shards first, and puts each image in its place', async () => {
  const cifar = madeUpCifar({ train: [40, 40, 40, 40], test: [20, 20, 20] });
  const { feeder, target, progress } = feeding(cifar);
  feeder.start();
  await feeder.need('test');
  await feeder.need('holdOut');
  await feeder.need('train');
  expect(cifar.loads.toSorted()).toEqual(['test-0', 'test-1', 'train-0', 'train-1', 'train-2']);
  expect(progress.at(-1)).toEqual([115, 115]);
  const reference = madeUpCifar({ train: [40, 40, 40, 40], test: [20, 20, 20] });
  const labels = { train: [] as number[], test: [] as number[] };
  for (const shard of reference.manifest.shards) labels[shard.split].push(...(await reference.load(shard)).labels);
  const held = (split: Split, count: number) => Array.from({ length: count }, (_, index) => target.label(split, index));
  expect(held('train', 75)).toEqual(labels.train.slice(0, 75));
  expect(held('holdOut', 15)).toEqual(labels.train.slice(75, 90));
  expect(held('test', 25)).toEqual(labels.test.slice(0, 25));
  expect(() => target.label('test', 25)).toThrow();
});

test('the first shard is enough for its images; what is waited for comes before the rest', async () => {
  const { before, let1 } = gate();
  const { feeder, cifar } = feeding(madeUpCifar({ before }));
  feeder.start();
  expect(feeder.trainReady).toBe(0);
  await let1('train-0');
  await feeder.need('train', 40);
  expect(feeder.trainReady).toBe(40);
  const waiting = feeder.need('test', 1);
  await let1('train-1');
  expect(feeder.trainReady).toBe(75);
  await let1('test-0');
  await waiting;
  expect(cifar.loads).toEqual(['train-0', 'train-1', 'test-0']);
});

test('a failing shard rejects what waits for it and what asks later, and is told once', async () => {
  const before = async (file: string) => {
    if (file === 'train-1') throw new Error('The data file train-1 is short.');
  };
  const { feeder, failures } = feeding(madeUpCifar({ before }));
  feeder.start();
  await feeder.need('train', 40);
  await expect(feeder.need('train', 41)).rejects.toThrow('train-1 is short');
  await expect(feeder.need('test')).rejects.toThrow('train-1 is short');
  await feeder.need('train', 40);
  expect(failures).toEqual(['The data file train-1 is short.']);
});

test('a closed feeder writes nothing more', async () => {
  const { before, let1 } = gate();
  const { feeder, target, failures } = feeding(madeUpCifar({ before }));
  feeder.start();
  const waiting = feeder.need('train', 1);
  feeder.close();
  await expect(waiting).rejects.toThrow('closed');
  await let1('train-0');
  expect(() => target.label('train', 0)).toThrow();
  expect(failures).toEqual([]);
});

test('remembered shards are loaded once; a failed one is tried again', async () => {
  let failing = true;
  const cifar = madeUpCifar({
    before: async (file) => {
      if (failing && file === 'test-0') throw new Error('gone');
    },
  });
  const remembered = rememberShards(cifar);
  const first = feeding(remembered as typeof cifar);
  first.feeder.start();
  await expect(first.feeder.need('test')).rejects.toThrow('gone');
  failing = false;
  const second = feeding(remembered as typeof cifar);
  second.feeder.start();
  await second.feeder.need('test');
  await second.feeder.need('train');
  await second.feeder.need('holdOut');
  expect(cifar.loads.toSorted()).toEqual(['test-0', 'test-1', 'train-0', 'train-1', 'train-2']);
});
