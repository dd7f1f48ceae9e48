import {
  type Network,
  type Structure,
  type Tensors,
  denseStructure,
  initialParameters,
} from '../../core/network/index.ts';
import { random4, toUnit } from '../../core/random/random.ts';
import type { Hyper, Trainer, TrainerOptions } from '../engine.ts';
import { openTfjsEngine } from './index.ts';

/** A residual block with a strided 1x1 shortcut and max pooling: every kind of node in little. */
export const RESIDUAL: Network = {
  id: 'residual',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'stem', op: 'conv', input: 'input', filters: 3, kernel: 3, stride: 2 },
    { id: 'stem.bn', op: 'batchNorm', input: 'stem' },
    { id: 'stem.relu', op: 'relu', input: 'stem.bn' },
    { id: 'pool1', op: 'maxPool', input: 'stem.relu', size: 2, stride: 2 },
    { id: 'a', op: 'conv', input: 'pool1', filters: 4, kernel: 3, stride: 2 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'shortcut', op: 'conv', input: 'pool1', filters: 4, kernel: 1, stride: 2 },
    { id: 'shortcut.bn', op: 'batchNorm', input: 'shortcut' },
    { id: 'sum', op: 'add', inputs: ['a.bn', 'shortcut.bn'] },
    { id: 'sum.relu', op: 'relu', input: 'sum' },
    { id: 'pool', op: 'globalAvgPool', input: 'sum.relu' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};

/** Odd sizes (11, 6, 3), a single channel, and a max pooling of negative values, whose padding must not count as 0. */
export const ODD: Network = {
  id: 'odd',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'stem', op: 'conv', input: 'input', filters: 1, kernel: 3, stride: 3 },
    { id: 'stem.bn', op: 'batchNorm', input: 'stem' },
    { id: 'pool1', op: 'maxPool', input: 'stem.bn', size: 3, stride: 2 },
    { id: 'a', op: 'conv', input: 'pool1', filters: 2, kernel: 3, stride: 2 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'a.relu', op: 'relu', input: 'a.bn' },
    { id: 'pool', op: 'globalAvgPool', input: 'a.relu' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};

/** Depthwise convolution, gates, ReLU6, average pooling and a flatten before a hidden dense layer. */
export const MIXED: Network = {
  id: 'mixed',
  nodes: [
    { id: 'input', op: 'input', shape: [32, 32, 3] },
    { id: 'stem', op: 'conv', input: 'input', filters: 3, kernel: 3, stride: 4 },
    { id: 'stem.bn', op: 'batchNorm', input: 'stem' },
    { id: 'stem.relu', op: 'relu6', input: 'stem.bn' },
    { id: 'each', op: 'depthwiseConv', input: 'stem.relu', kernel: 3, stride: 2 },
    { id: 'each.bn', op: 'batchNorm', input: 'each' },
    { id: 'gate', op: 'gate', input: 'each.bn' },
    { id: 'pool1', op: 'avgPool', input: 'gate', size: 3, stride: 2 },
    { id: 'each2', op: 'depthwiseConv', input: 'pool1', kernel: 3, stride: 1 },
    { id: 'flat', op: 'flatten', input: 'each2' },
    { id: 'flat.relu', op: 'relu', input: 'flat' },
    { id: 'fc', op: 'dense', input: 'flat.relu', units: 4 },
    { id: 'fc.gate', op: 'gate', input: 'fc' },
    { id: 'dense', op: 'dense', input: 'fc.gate', units: 10 },
  ],
};

export const HYPER: Hyper = { learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-3 };
export const SMOOTHING = 0.1;

/** The number in (0, 1) at a place of a test's own noise stream. */
export const noise = (seed: number, index: number): number => toUnit(random4(seed, 'init', 77, index)[0]);

/** Noise images, each tinted by its label, so that there is something to learn. */
export const IMAGES = 16;
export const labels = Uint8Array.from({ length: IMAGES }, (_, i) => (i * 7) % 10);
export const pixels = Uint8Array.from({ length: IMAGES * 3_072 }, (_, i) =>
  Math.floor(noise(1, i) * 160 + 9 * (labels[Math.floor(i / 3_072)] ?? 0)),
);

export interface OpenOptions extends Partial<TrainerOptions> {
  readonly structure?: Structure;
  readonly parameters?: Tensors;
}

/** Opens a trainer on the plain JavaScript backend; `train` and `test` hold the noise images. */
export async function openTrainer(
  network: Network,
  { structure = denseStructure(network), parameters = startOf(network), ...options }: OpenOptions = {},
): Promise<Trainer> {
  const engine = await openTfjsEngine({ backend: 'cpu' });
  const data = engine.openData({ train: IMAGES, holdOut: 1, test: IMAGES });
  data.write('train', 0, pixels, labels);
  data.write('test', 0, pixels, labels);
  const batchSize = options.batchSize ?? 8;
  return engine.open(network, structure, parameters, {
    data,
    seed: 1,
    batchSize,
    augment: { crop: true, flip: true },
    labelSmoothing: SMOOTHING,
    batch: (step) => batchOf(step, batchSize),
    ...options,
  });
}

/** The images of a step: consecutive ones, around and around. */
export const batchOf = (step: number, batchSize: number): Uint32Array =>
  Uint32Array.from({ length: batchSize }, (_, i) => (step * batchSize + i) % IMAGES);

/**
 * Initial parameters with every norm, gate, bias and running statistic moved off its special value (0 or 1), and scales
 * before a ReLU6 large enough for some values to reach 6.
 */
export function startOf(network: Network): Tensors {
  const capped = network.nodes.flatMap((node) => (node.op === 'relu6' ? [`${node.input}/gamma`] : []));
  return new Map(
    [...initialParameters(network, 1)].map(([name, values], tensor) => {
      if (name.endsWith('/kernel')) return [name, values];
      const scale = capped.includes(name) ? 6 : 1;
      return [name, values.map((value, i) => scale * (value + 0.4 * (noise(3 + tensor, i) - 0.5)))];
    }),
  );
}

/** |a - b| / |b|, Euclidean norms. */
export function distance(a: ArrayLike<number> | undefined, b: ArrayLike<number> | undefined): number {
  if (!a || !b || a.length !== b.length) return Infinity;
  let [difference, norm] = [0, 1e-20];
  for (let i = 0; i < b.length; i++) {
    difference += ((a[i] ?? NaN) - (b[i] ?? NaN)) ** 2;
    norm += (b[i] ?? NaN) ** 2;
  }
  return Math.sqrt(difference / norm);
}
