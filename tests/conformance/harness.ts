import {
  type Network,
  type Structure,
  type Tensors,
  denseStructure,
  groupsOf,
  initialParameters,
  shapesOf,
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

/** Every convolution with a kernel larger than 1x1, but for the one that reads the image, keeps one tap in `stride`. */
export function stridedStructure(
  network: Network,
  stride: number,
  channels: Structure['channels'],
  seed: number,
): Structure {
  const shapes = shapesOf(network);
  const convs = network.nodes.filter((node) => node.op === 'conv' && node.kernel > 1 && node.input !== 'input');
  const taps = convs.map((conv, index) => {
    const inputs = conv.op === 'conv' ? (shapes.get(conv.input)?.[2] ?? 0) : 0;
    const offsets = Array.from({ length: inputs }, (_, channel) => random4(seed, 'prune', index, channel)[0] % stride);
    return [conv.id, { stride, offsets }] as const;
  });
  return { channels, taps: Object.fromEntries(taps) };
}

/** What a device has made from now on. */
export interface Made {
  /** Bytes of its buffers that are not destroyed, and how many they are. */
  readonly bytes: number;
  readonly buffers: number;
  /** Shader modules and pipelines. */
  readonly compiled: number;
  readonly bindGroups: number;
}

/** Counts what a device makes: the buffers by themselves, not by what a trainer says of them. */
export function watch(device: GPUDevice): () => Made {
  const alive = new Map<GPUBuffer, number>();
  let [compiled, bindGroups] = [0, 0];
  const createBuffer = device.createBuffer.bind(device);
  device.createBuffer = (descriptor) => {
    const buffer = createBuffer(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    alive.set(buffer, buffer.size);
    buffer.destroy = () => {
      alive.delete(buffer);
      return destroy();
    };
    return buffer;
  };
  const createShaderModule = device.createShaderModule.bind(device);
  device.createShaderModule = (descriptor) => {
    compiled++;
    return createShaderModule(descriptor);
  };
  const createComputePipelineAsync = device.createComputePipelineAsync.bind(device);
  device.createComputePipelineAsync = (descriptor) => {
    compiled++;
    return createComputePipelineAsync(descriptor);
  };
  const createComputePipeline = device.createComputePipeline.bind(device);
  device.createComputePipeline = (descriptor) => {
    compiled++;
    return createComputePipeline(descriptor);
  };
  const createBindGroup = device.createBindGroup.bind(device);
  device.createBindGroup = (descriptor) => {
    bindGroups++;
    return createBindGroup(descriptor);
  };
  return () => ({
    bytes: [...alive.values()].reduce((sum, size) => sum + size, 0),
    buffers: alive.size,
    compiled,
    bindGroups,
  });
}
