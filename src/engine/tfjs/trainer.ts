import type { Scalar, Tensor, Tensor4D, Variable } from '@tensorflow/tfjs';
import {
  BATCH_NORM_MOMENTUM,
  type Network,
  type Structure,
  type Tensors,
  decayed,
  parametersOf,
  trained,
} from '../../core/network/index.ts';
import type {
  Checkpoint,
  EvalMetrics,
  GradientRequest,
  Gradients,
  Hyper,
  Latency,
  Split,
  StepMetrics,
  Trainer,
  TrainerOptions,
} from '../engine.ts';
import { ParameterStore } from '../store.ts';
import type { Tfjs } from './backend.ts';
import { assembleBatch } from './batch.ts';
import { HostData } from './data.ts';
import { type BatchStatistics, crossEntropy, forward } from './forward.ts';

const EVALUATION_BATCH = 100;
const SIZE = 32;
const LATENCY_SAMPLES = 10;

/** What one step computes besides the update. */
interface StepOutcome {
  readonly loss: number;
  readonly accuracy: number;
  readonly gradients: ReadonlyMap<string, Tensor>;
  readonly statistics: ReadonlyMap<string, BatchStatistics>;
}

/** Trains with stock tfjs ops and autodiff: slow, and simple enough to be believed. */
export class TfjsTrainer implements Trainer {
  #store: ParameterStore;
  #step = 0;
  /** Tensors of the running network and the momentum of its trained ones. */
  #variables = new Map<string, Variable>();
  #momentum = new Map<string, Variable>();

  constructor(
    readonly tf: Tfjs,
    readonly network: Network,
    structure: Structure,
    parameters: Tensors,
    readonly options: TrainerOptions & { readonly data: HostData },
  ) {
    this.#store = new ParameterStore(network, structure, parameters, options.execution);
    this.#upload();
  }

  get step(): number {
    return this.#step;
  }
  get structure(): Structure {
    return this.#store.structure;
  }
  get bytes(): number {
    return this.tf.memory().numBytes;
  }
  /** Steps of this engine are too long to be cut. */
  setPace(): void {}

  async train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics> {
    const firstStep = this.#step;
    const loss = new Float32Array(steps);
    const accuracy = new Float32Array(steps);
    for (let i = 0; i < steps; i++) {
      const outcome = await this.#compute(this.#step);
      this.#update(outcome, hyperAt(this.#step));
      loss[i] = outcome.loss;
      accuracy[i] = outcome.accuracy;
      this.#step++;
    }
    return { firstStep, loss, accuracy };
  }

  async #compute(step: number): Promise<StepOutcome> {
    const { tf, options } = this;
    const indices = options.batch(step);
    const { pixels, labels } = options.data.select('train', indices);
    const batch = assembleBatch(pixels, indices, { ...options.augment, seed: options.seed, step });
    const images = tf.tensor4d(batch, [indices.length, SIZE, SIZE, 3]);
    const labelTensor = tf.tensor1d(labels, 'int32');
    let statistics: ReadonlyMap<string, BatchStatistics> = new Map();
    let correct: Scalar | null = null;
    const trainedVariables = [...this.#momentum.keys()].map((name) => this.#variable(name));
    const { value, grads } = tf.variableGrads(() => {
      const result = forward(tf, this.#store.running, (name) => this.#variable(name), images, true);
      statistics = new Map(
        [...result.statistics].map(([id, s]) => [id, { mean: tf.keep(s.mean), variance: tf.keep(s.variance) }]),
      );
      correct = tf.keep(result.logits.argMax(1).equal(labelTensor).sum()) as Scalar;
      return crossEntropy(tf, result.logits, labelTensor, options.labelSmoothing);
    }, trainedVariables);
    const names = new Map([...this.#variables].map(([name, variable]) => [variable.name, name]));
    const gradients = new Map(Object.entries(grads).map(([id, tensor]) => [names.get(id) ?? id, tensor]));
    const [loss = NaN] = await value.data();
    const [hits = 0] = (await (correct as Scalar | null)?.data()) ?? [];
    tf.dispose([images, labelTensor, value, ...(correct ? [correct] : [])]);
    return { loss, accuracy: hits / indices.length, gradients, statistics };
  }

  /** SGD with momentum (weight decay on kernels only), then the running statistics. */
  #update({ gradients, statistics }: StepOutcome, hyper: Hyper): void {
    const { tf } = this;
    tf.tidy(() => {
      for (const [name, gradient] of gradients) {
        const weights = this.#variable(name);
        const momentum = this.#momentum.get(name);
        if (!momentum) continue;
        const decay = decayed(name.endsWith('/kernel') ? 'kernel' : 'bias') ? hyper.weightDecay : 0;
        const g = decay === 0 ? gradient : gradient.add(weights.mul(decay));
        momentum.assign(momentum.mul(hyper.momentum).add(g));
        const update = hyper.nesterov ? g.add(momentum.mul(hyper.momentum)) : momentum;
        weights.assign(weights.sub(update.mul(hyper.learningRate)));
      }
      for (const [id, { mean, variance }] of statistics) {
        const blend = (name: string, fresh: Tensor): void => {
          const running = this.#variable(name);
          running.assign(running.mul(BATCH_NORM_MOMENTUM).add(fresh.mul(1 - BATCH_NORM_MOMENTUM)));
        };
        blend(`${id}/mean`, mean);
        blend(`${id}/variance`, variance);
      }
    });
    this.#release({ gradients, statistics });
  }

  #release({ gradients, statistics }: Pick<StepOutcome, 'gradients' | 'statistics'>): void {
    this.tf.dispose([...gradients.values()]);
    for (const { mean, variance } of statistics.values()) this.tf.dispose([mean, variance]);
  }

  async gradients({ inputs }: GradientRequest): Promise<Gradients> {
    const outcome = await this.#compute(inputs.step);
    const entries = [...outcome.gradients].map(
      async ([name, tensor]) => [name, Float32Array.from(await tensor.data())] as const,
    );
    const tensors = this.#store.expand(new Map(await Promise.all(entries)));
    this.#release(outcome);
    return { loss: outcome.loss, tensors };
  }

  async evaluate(split: Split, limit?: number): Promise<EvalMetrics> {
    const { tf, options } = this;
    const images = Math.min(limit ?? Infinity, options.data.layout[split]);
    if (images < 1) throw new Error(`there are no images in split "${split}" to evaluate on`);
    let loss = 0;
    let correct = 0;
    for (let first = 0; first < images; first += EVALUATION_BATCH) {
      const count = Math.min(EVALUATION_BATCH, images - first);
      const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
      const { pixels, labels } = options.data.select(split, indices);
      const [sum, hits] = tf.tidy(() => {
        const labelTensor = tf.tensor1d(labels, 'int32');
        const logits = this.#infer(assembleBatch(pixels, indices, null));
        return [crossEntropy(tf, logits, labelTensor, 0).mul(count), logits.argMax(1).equal(labelTensor).sum()];
      }) as [Scalar, Scalar];
      loss += (await sum.data())[0] ?? NaN;
      correct += (await hits.data())[0] ?? 0;
      tf.dispose([sum, hits]);
    }
    return { loss: loss / images, accuracy: correct / images, images };
  }

  /** Logits of normalised images, by running statistics. Call within a tidy. */
  #infer(batch: Float32Array) {
    const images: Tensor4D = this.tf.tensor4d(batch, [batch.length / (SIZE * SIZE * 3), SIZE, SIZE, 3]);
    return forward(this.tf, this.#store.running, (name) => this.#variable(name), images, false).logits;
  }

  async predict(pixels: Uint8Array): Promise<Float32Array> {
    const images = pixels.length / (SIZE * SIZE * 3);
    if (!Number.isInteger(images) || images < 1)
      throw new Error('predict needs whole images of 3,072 bytes (32x32 RGB)');
    const indices = Uint32Array.from({ length: images }, (_, i) => i);
    const logits = this.tf.tidy(() => this.#infer(assembleBatch(pixels, indices, null)));
    const values = Float32Array.from(await logits.data());
    logits.dispose();
    return values;
  }

  async latency(batch: number): Promise<Latency> {
    const images = new Uint8Array(batch * SIZE * SIZE * 3);
    await this.predict(images);
    const samples: number[] = [];
    for (let i = 0; i < LATENCY_SAMPLES; i++) {
      const started = performance.now();
      await this.predict(images);
      samples.push(performance.now() - started);
    }
    samples.sort((a, b) => a - b);
    const at = (share: number): number => samples[Math.floor(share * (samples.length - 1))] ?? 0;
    return { batch, median: at(0.5), p95: at(0.95), n: samples.length };
  }

  async read(names?: readonly string[]): Promise<Tensors> {
    await this.#download();
    return this.#store.read(names);
  }

  async write(tensors: Tensors): Promise<void> {
    await this.#download();
    this.#store.write(tensors);
    this.#upload();
  }

  async restructure(structure: Structure): Promise<void> {
    await this.#download();
    this.#store.restructure(structure);
    this.#upload();
  }

  async checkpoint(): Promise<Checkpoint> {
    await this.#download();
    return this.#store.checkpoint(this.#step);
  }

  async restore(checkpoint: Checkpoint): Promise<void> {
    this.#store = ParameterStore.restored(this.network, checkpoint, this.options.execution);
    this.#step = checkpoint.step;
    this.#upload();
  }

  dispose(): void {
    this.tf.dispose([...this.#variables.values(), ...this.#momentum.values()]);
    this.#variables.clear();
    this.#momentum.clear();
  }

  #variable(name: string): Variable {
    const variable = this.#variables.get(name);
    if (!variable) throw new Error(`the network ${this.network.id} has no tensor "${name}"`);
    return variable;
  }

  async #download(): Promise<void> {
    const values = async (variables: ReadonlyMap<string, Variable>): Promise<Tensors> =>
      new Map(
        await Promise.all([...variables].map(async ([name, v]) => [name, Float32Array.from(await v.data())] as const)),
      );
    this.#store.scatter(await values(this.#variables), this.#store.parameters);
    this.#store.scatter(await values(this.#momentum), this.#store.momentum);
  }

  /** Makes new variables of the running network's tensors. */
  #upload(): void {
    this.dispose();
    const { tf } = this;
    const specs = parametersOf(this.#store.running);
    const parameters = this.#store.gather(this.#store.parameters);
    const momentum = this.#store.gather(this.#store.momentum);
    for (const { name, shape, role } of specs) {
      const make = (values: Float32Array | undefined, trainable: boolean): Variable => {
        const initial = tf.tensor(values ?? new Float32Array(), [...shape]);
        const variable = tf.variable(initial, trainable);
        initial.dispose();
        return variable;
      };
      this.#variables.set(name, make(parameters.get(name), trained(role)));
      if (trained(role)) this.#momentum.set(name, make(momentum.get(name), false));
    }
  }
}
