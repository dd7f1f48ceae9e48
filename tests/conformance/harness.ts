import {
  type Network,
  type Structure,
  type Tensors,
  denseStructure,
  groupsOf,
  initialParameters,
} from '../../src/core/network/index.ts';
import { random4 } from '../../src/core/random/random.ts';
import { httpSource, openCifar10 } from '../../src/data/cifar10.ts';
import { batchOrder } from '../../src/data/order.ts';
import type { Engine, Hyper, Trainer, TrainerOptions } from '../../src/engine/engine.ts';

export const HYPER: Hyper = { learningRate: 0.05, momentum: 0.9, nesterov: true, weightDecay: 5e-4 };
export const hyperAt = (): Hyper => HYPER;

export interface Images {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/** The first real training images. */
export async function realImages(count: number): Promise<Images> {
  const cifar = await openCifar10(httpSource(new URL('/data/', location.href).href));
  const [shard] = cifar.manifest.shards;
  if (!shard) throw new Error('no shard');
  const { pixels, labels } = await cifar.load(shard);
  return { pixels: pixels.slice(0, count * 3_072), labels: labels.slice(0, count) };
}

/** Opens a trainer whose three splits are the given images. */
export async function openTrainer(
  engine: Engine,
  network: Network,
  images: Images,
  options: { batchSize: number; structure?: Structure; parameters?: Tensors } & Partial<TrainerOptions>,
): Promise<Trainer> {
  const count = images.labels.length;
  const data = engine.openData({ train: count, holdOut: count, test: count });
  for (const split of ['train', 'holdOut', 'test'] as const) data.write(split, 0, images.pixels, images.labels);
  const order = batchOrder({ seed: 1, train: count, shardSizes: [count], batchSize: options.batchSize });
  const { structure = denseStructure(network), parameters = initialParameters(network, 1), ...rest } = options;
  return engine.open(network, structure, parameters, {
    data,
    seed: 1,
    augment: { crop: true, flip: true },
    labelSmoothing: 0.1,
    batch: (step) => order.batch(step),
    ...rest,
  });
}

/** Keeps about `keep` of every cuttable group's channels, at random but at least one. */
export function randomStructure(network: Network, keep: number, seed: number): Structure {
  const channels = groupsOf(network).map((group, index) => {
    const all = Array.from({ length: group.channels }, (_, channel) => channel);
    const kept = group.cuttable
      ? all.filter((channel) => (random4(seed, 'prune', index, channel)[0] ?? 0) / 2 ** 32 < keep)
      : all;
    return [group.id, kept.length > 0 ? kept : [seed % group.channels]] as const;
  });
  return { channels: Object.fromEntries(channels) };
}

/** |a - b| / |b|, Euclidean norms. */
export function distance(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (!a || !b || a.length !== b.length) return Infinity;
  let difference = 0;
  let norm = 1e-20;
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] ?? NaN) - (b[i] ?? NaN)) ** 2;
    norm += (b[i] ?? NaN) ** 2;
  }
  return Math.sqrt(difference / norm);
}

/** Names of tensors whose bits differ. */
export const differing = (a: Tensors, b: Tensors): string[] =>
  [...a].flatMap(([name, values]) => {
    const other = b.get(name);
    const same = other && values.length === other.length && values.every((value, i) => Object.is(value, other[i]));
    return same ? [] : [name];
  });
