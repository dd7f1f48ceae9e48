import type { Network, Structure, Tensors } from '../core/network/index.ts';
import type { RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10, DecodedShard, ShardRecord } from '../data/cifar10.ts';
import {
  type DataLayout,
  type Engine,
  type EngineData,
  type Hyper,
  type LatencyOptions,
  OutOfMemoryError,
  type Split,
  type Trainer,
  type TrainerOptions,
} from '../engine/engine.ts';
import { ParameterStore } from '../engine/store.ts';

/** For tests of the lab: a real optimiser on a quadratic instead of a network, quick, deterministic and exact. */

const IMAGE_BYTES = 3_072;

/** Remembers which images were written and what they were. */
export class MemoryData implements EngineData {
  disposed = false;
  readonly bytes = 500;
  readonly #labels: Record<Split, (number | undefined)[]>;

  constructor(readonly layout: DataLayout) {
    this.#labels = { train: [], holdOut: [], test: [] };
  }

  write(split: Split, first: number, pixels: Uint8Array, labels: Uint8Array): void {
    if (pixels.length !== labels.length * IMAGE_BYTES || first + labels.length > this.layout[split]) {
      throw new Error(`images do not fit split ${split}`);
    }
    labels.forEach((label, index) => {
      if (pixels[index * IMAGE_BYTES] !== label) throw new Error('pixels and labels do not belong together');
      this.#labels[split][first + index] = label;
    });
  }

  /** The image's label; throws when it was never written. */
  label(split: Split, index: number): number {
    const label = this.#labels[split][index];
    if (label === undefined) throw new Error(`image ${index} of split ${split} is used before it was loaded`);
    return label;
  }

  dispose(): void {
    this.disposed = true;
  }
}

export interface QuadraticEngine extends Engine {
  /** Steps of every call to `train`. */
  readonly calls: number[];
  readonly trainers: readonly QuadraticTrainer[];
  readonly data: readonly MemoryData[];
  lose(message: string): void;
}

export interface QuadraticOptions {
  /** Replaces the loss of a step (after which the update goes on as usual). */
  readonly lossAt?: (step: number, loss: number) => number;
  /** Makes a step fail. */
  readonly failAt?: number;
  /** Loses the device at a step, whose call is then never answered. */
  readonly loseAt?: number;
  /** Accuracy by the full-size values of all tensors and the structure; 0.5 without. */
  readonly accuracy?: (parameters: Tensors, structure: Structure) => number;
  /** Whether memory runs out at this batch size: when a trainer is opened (step null), or in a step. */
  readonly full?: (batchSize: number, step: number | null) => boolean;
}

/** What a quadratic engine says when it loses its device. */
export const LOST = 'The graphics device was lost.';

export function quadraticEngine(options: QuadraticOptions = {}): QuadraticEngine {
  const calls: number[] = [];
  const trainers: QuadraticTrainer[] = [];
  const opened: MemoryData[] = [];
  let lose: (message: string) => void = () => undefined;
  const lost = new Promise<string>((resolve) => (lose = resolve));
  return {
    info: {
      backend: 'tfjs',
      adapter: { vendor: 'test', architecture: 'quadratic', description: 'a quadratic' },
      features: [],
    },
    calls,
    trainers,
    data: opened,
    lost,
    lose,
    openData(layout) {
      const data = new MemoryData(layout);
      opened.push(data);
      return data;
    },
    async open(network, structure, parameters, trainerOptions) {
      if (options.full?.(trainerOptions.batchSize, null)) throw new OutOfMemoryError();
      const behaviour = { ...options, lose: () => lose(LOST) };
      const trainer = new QuadraticTrainer(network, structure, parameters, trainerOptions, behaviour, calls);
      trainers.push(trainer);
      return trainer;
    },
    get bytes() {
      return [...trainers, ...opened].reduce((sum, { bytes, disposed }) => sum + (disposed ? 0 : bytes), 0);
    },
    dispose: () => undefined,
  };
}

/** Pulls every running trained value towards the mean label of the batch, by SGD with momentum. */
export class QuadraticTrainer implements Trainer {
  step = 0;
  bytes = 1_000;
  pace = 'full';
  disposed = false;
  #store: ParameterStore;

  constructor(
    readonly network: Network,
    structure: Structure,
    parameters: Tensors,
    readonly options: TrainerOptions,
    readonly behaviour: QuadraticOptions & { lose(): void },
    readonly calls: number[],
  ) {
    this.#store = new ParameterStore(network, structure, parameters);
  }

  get structure(): Structure {
    return this.#store.structure;
  }

  setPace(pace: string): void {
    this.pace = pace;
  }

  async train(steps: number, hyperAt: (step: number) => Hyper) {
    this.calls.push(steps);
    const firstStep = this.step;
    const loss = new Float32Array(steps);
    const accuracy = new Float32Array(steps);
    for (let i = 0; i < steps; i++) {
      await Promise.resolve();
      if (this.behaviour.loseAt === this.step) {
        this.behaviour.lose();
        await new Promise(() => undefined);
      }
      if (this.behaviour.full?.(this.options.batchSize, this.step)) throw new OutOfMemoryError();
      if (this.behaviour.failAt === this.step) throw new Error('the quadratic failed');
      const measured = this.#descend(hyperAt(this.step));
      loss[i] = this.behaviour.lossAt?.(this.step, measured) ?? measured;
      accuracy[i] = 1 / (1 + measured);
      this.step++;
    }
    return { firstStep, loss, accuracy };
  }

  #descend({ learningRate, momentum }: Hyper): number {
    const target = this.#target(this.step);
    const values = this.#store.gather(this.#store.parameters);
    const speeds = this.#store.gather(this.#store.momentum);
    let sum = 0;
    let count = 0;
    for (const [name, speed] of speeds) {
      const value = values.get(name);
      if (!value) throw new Error(`${name} is not running`);
      for (let i = 0; i < value.length; i++) {
        const gradient = (value[i] ?? 0) - target;
        sum += gradient * gradient;
        speed[i] = momentum * (speed[i] ?? 0) + gradient;
        value[i] = (value[i] ?? 0) - learningRate * (speed[i] ?? 0);
      }
      count += value.length;
    }
    this.#store.scatter(values, this.#store.parameters);
    this.#store.scatter(speeds, this.#store.momentum);
    return sum / count;
  }

  /** Mean label of a step's batch, in tenths. */
  #target(step: number): number {
    const { batch, data } = this.options;
    const indices = batch(step);
    return indices.reduce((sum, index) => sum + (data as MemoryData).label('train', index), 0) / (10 * indices.length);
  }

  async evaluate(split: Split, limit?: number) {
    const data = this.options.data as MemoryData;
    const images = Math.min(limit ?? Infinity, data.layout[split]);
    let loss = 0;
    for (let i = 0; i < images; i++) loss += data.label(split, i) / images;
    const [first = 0] = [...this.#store.parameters.values()][0] ?? [];
    const accuracy = this.behaviour.accuracy?.(this.#store.parameters, this.structure) ?? 0.5;
    return { loss: loss + first, accuracy, images };
  }

  async read(names?: readonly string[]): Promise<Tensors> {
    return new Map(
      [...this.#store.parameters].flatMap(([name, values]) =>
        !names || names.includes(name) ? [[name, values.slice()] as const] : [],
      ),
    );
  }

  async write(tensors: Tensors): Promise<void> {
    this.#store.write(tensors);
  }

  /** Running statistics become the mean target of the steps. */
  async recalibrate(steps: readonly number[]): Promise<void> {
    const mean = steps.reduce((sum, step) => sum + this.#target(step), 0) / steps.length;
    for (const [name, values] of this.#store.parameters) if (/\/(mean|variance)$/.test(name)) values.fill(mean);
  }

  async gradients() {
    return { loss: 0, tensors: await this.read(), log2Scale: 0 };
  }

  async activations(): Promise<never> {
    throw new Error('a quadratic has no activations');
  }

  async setRules(): Promise<void> {
    throw new Error('the quadratic takes no rules');
  }

  async restructure(structure: Structure): Promise<void> {
    this.#store.restructure(structure);
  }

  async predict(): Promise<Float32Array> {
    return new Float32Array(10);
  }

  async latency(batch: number, { onSample }: LatencyOptions = {}) {
    for (const sample of [0.5, 1, 2]) onSample?.(sample);
    return { batch, median: 1, p95: 2, n: 3 };
  }

  async checkpoint() {
    const copy = (tensors: Tensors): Tensors => new Map([...tensors].map(([name, values]) => [name, values.slice()]));
    const { structure, parameters, momentum } = this.#store;
    return { step: this.step, structure, parameters: copy(parameters), momentum: copy(momentum) };
  }

  async restore({ step, structure, parameters, momentum }: Awaited<ReturnType<Trainer['checkpoint']>>): Promise<void> {
    this.#store = new ParameterStore(this.network, structure, parameters);
    for (const [name, values] of momentum) this.#store.momentum.get(name)?.set(values);
    this.step = step;
  }

  dispose(): void {
    this.disposed = true;
  }
}

export interface MadeUpCifar extends Cifar10 {
  /** Files in the order in which they were loaded. */
  readonly loads: string[];
}

export interface MadeUpOptions {
  readonly train?: readonly number[];
  readonly test?: readonly number[];
  /** Called before a shard is given out: waits, or throws. */
  readonly before?: (file: string) => Promise<void>;
}

/** A data set of made-up images: the first byte of an image is its label. Shard sizes in images. */
export function madeUpCifar({ train = [40, 40, 40], test = [20, 20], before }: MadeUpOptions = {}): MadeUpCifar {
  const loads: string[] = [];
  const shards = (['train', 'test'] as const).flatMap((split) =>
    (split === 'train' ? train : test).map((images, index): ShardRecord => ({
      file: `${split}-${index}`,
      split,
      images,
      bytes: images,
      sha256: '',
    })),
  );
  return {
    manifest: { shards },
    loads,
    async load({ file, images }): Promise<DecodedShard> {
      await before?.(file);
      loads.push(file);
      const salt = file.charCodeAt(file.length - 1) + file.length;
      const labels = Uint8Array.from({ length: images }, (_, image) => (image * 7 + salt) % 10);
      const pixels = new Uint8Array(images * IMAGE_BYTES);
      labels.forEach((label, image) => (pixels[image * IMAGE_BYTES] = label));
      return { pixels, labels };
    },
  };
}

/** A small CHEX run on `convnet-micro`; `changes` replace whole parts. */
export function smallSpec(changes: Partial<Spec> = {}): Spec {
  return {
    version: 1,
    name: 'small',
    seed: 5,
    model: { id: 'convnet-micro', width: 1 },
    data: { train: 110, test: 30, holdOut: 10 },
    train: smallTraining(),
    scheme: {
      id: 'chex',
      budget: { kind: 'channels', keep: 0.5 },
      regrow: 0.2,
      every: 4,
      until: 16,
      minimum: 1,
      rule: 'paper',
      residual: 'squared',
      values: 'mru',
      decay: 'cosine',
    },
    ...changes,
  };
}

export const smallTraining = (changes: Partial<Spec['train']> = {}): Spec['train'] => ({
  steps: 23,
  batchSize: 10,
  learningRate: 0.05,
  momentum: 0.9,
  nesterov: false,
  weightDecay: 0,
  schedule: 'cosine',
  warmup: 0.1,
  labelSmoothing: 0,
  storage: 'f32',
  augment: [],
  evaluateEvery: 7,
  ...changes,
});

/** Events without the wall times in them, which differ from run to run. */
export function timeless(events: readonly RunEvent[]): readonly unknown[] {
  return events.map((event) => ({
    ...event,
    ...('milliseconds' in event ? { milliseconds: 0 } : {}),
    ...('imagesPerSecond' in event ? { imagesPerSecond: 0 } : {}),
  }));
}
