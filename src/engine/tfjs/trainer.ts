import type { Scalar, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Network, Structure, Tensors } from '../../core/network/index.ts';
import type {
  Activation,
  ActivationRequest,
  Checkpoint,
  EvalMetrics,
  GradientRequest,
  Gradients,
  Hyper,
  Latency,
  LatencyOptions,
  ProbeInputs,
  Split,
  StepMetrics,
  Trainer,
  TrainerOptions,
  UpdateRule,
} from '../engine.ts';
import { countImages } from '../inputs.ts';
import { type Rules, checkRules, maskStore } from '../rules.ts';
import { ParameterStore } from '../store.ts';
import type { Tfjs } from './backend.ts';
import type { HostData } from './data.ts';
import { crossEntropy, forward } from './forward.ts';
import { type Batch, everyImage, imagesOf, openBatch } from './inputs.ts';
import { measureLatency } from './latency.ts';
import { blendStatistics, updateTensor } from './optimiser.ts';
import { type Model, type Pass, differentiate, readActivations, release } from './probe.ts';
import { RunningRules } from './rules.ts';
import { RunningTensors, hostCopies } from './running.ts';

const EVALUATION_BATCH = 100;
const IMAGE_BYTES = 3_072;

/** Trains with stock tfjs ops and autodiff: slow, and simple enough to be believed. */
export class TfjsTrainer implements Trainer {
  #store: ParameterStore;
  #running: RunningTensors;
  #rules: Rules = new Map();
  #runningRules: RunningRules;
  #step = 0;

  constructor(
    readonly tf: Tfjs,
    readonly network: Network,
    structure: Structure,
    parameters: Tensors,
    readonly options: TrainerOptions & { readonly data: HostData },
  ) {
    this.#store = new ParameterStore(network, structure, parameters, options.execution);
    this.#running = new RunningTensors(tf, this.#store);
    this.#runningRules = new RunningRules(tf, this.#store, this.#rules);
  }

  get step(): number {
    return this.#step;
  }
  get structure(): Structure {
    return this.#store.structure;
  }
  get bytes(): number {
    return this.#running.bytes + this.#runningRules.bytes;
  }
  /** Steps of this engine are too long to be cut. */
  setPace(): void {}

  async train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics> {
    const firstStep = this.#step;
    const loss = new Float32Array(steps);
    const accuracy = new Float32Array(steps);
    for (let i = 0; i < steps; i++) {
      const hyper = hyperAt(this.#step);
      const pass = await this.#on({ step: this.#step }, (batch) =>
        differentiate(this.#model, this.#running.trained, batch),
      );
      this.#update(pass, hyper);
      release(this.tf, pass);
      loss[i] = pass.loss;
      accuracy[i] = pass.accuracy;
      this.#step++;
    }
    return { firstStep, loss, accuracy };
  }

  /** The running network with the weights that it computes with (quantised where a rule says so). */
  get #model(): Model {
    return {
      tf: this.tf,
      network: this.#store.running,
      parameter: (name) => this.#runningRules.quantised(name, this.#running.values(name)),
      labelSmoothing: this.options.labelSmoothing,
    };
  }

  /** Runs something on a batch and disposes of the batch. */
  async #on<T>(inputs: ProbeInputs, use: (batch: Batch) => Promise<T>): Promise<T> {
    const batch = openBatch(this.tf, inputs, this.options);
    try {
      return await use(batch);
    } finally {
      this.tf.dispose([batch.images, batch.labels ?? []]);
    }
  }

  #update({ gradients, statistics }: Pass, hyper: Hyper): void {
    for (const tensor of this.#running.trained) {
      const { name } = tensor.spec;
      const gradient = gradients.get(name);
      if (gradient) updateTensor(this.tf, tensor, gradient, hyper, this.#runningRules.of(name));
    }
    for (const [id, fresh] of statistics) blendStatistics(this.tf, this.#running, id, fresh);
  }

  async recalibrate(steps: readonly number[]): Promise<void> {
    for (const [done, step] of steps.entries()) {
      const pass = await this.#on({ step }, (batch) => differentiate(this.#model, this.#running.trained, batch));
      for (const [id, fresh] of pass.statistics) {
        blendStatistics(this.tf, this.#running, id, fresh, done / (done + 1));
      }
      release(this.tf, pass);
    }
  }

  async gradients({ inputs, ...options }: GradientRequest): Promise<Gradients> {
    const pass = await this.#on(inputs, (batch) => differentiate(this.#model, this.#running.trained, batch, options));
    const tensors = this.#store.expand(await hostCopies(pass.gradients));
    release(this.tf, pass);
    return { loss: pass.loss, tensors, log2Scale: pass.log2Scale };
  }

  async activations({ inputs, ...options }: ActivationRequest): Promise<ReadonlyMap<string, Activation>> {
    return this.#on(inputs, (batch) => readActivations(this.#model, batch, options));
  }

  async setRules(rules: ReadonlyMap<string, UpdateRule>): Promise<void> {
    checkRules(this.network, rules);
    await this.#running.download();
    this.#rules = new Map(rules);
    this.#upload();
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
        const logits = this.#infer(imagesOf(tf, pixels, indices));
        return [crossEntropy(tf, logits, labelTensor, 0).mul(count), logits.argMax(1).equal(labelTensor).sum()];
      }) as [Scalar, Scalar];
      loss += (await sum.data())[0] ?? NaN;
      correct += (await hits.data())[0] ?? NaN;
      tf.dispose([sum, hits]);
    }
    return { loss: loss / images, accuracy: correct / images, images };
  }

  /** Logits by running statistics. Call within a tidy. */
  #infer(images: Tensor4D): Tensor2D {
    const { tf, network, parameter } = this.#model;
    return forward(tf, network, parameter, images, false).logits;
  }

  async predict(pixels: Uint8Array): Promise<Float32Array> {
    const indices = everyImage(countImages(pixels, 'predict'));
    const logits = this.tf.tidy(() => this.#infer(imagesOf(this.tf, pixels, indices)));
    const values = Float32Array.from(await logits.data());
    logits.dispose();
    return values;
  }

  async latency(batch: number, options?: LatencyOptions): Promise<Latency> {
    const images = imagesOf(this.tf, new Uint8Array(batch * IMAGE_BYTES), new Uint32Array(batch));
    try {
      return await measureLatency(
        batch,
        async () => {
          const logits = this.tf.tidy(() => this.#infer(images));
          await logits.data();
          logits.dispose();
        },
        options,
      );
    } finally {
      images.dispose();
    }
  }

  async read(names?: readonly string[]): Promise<Tensors> {
    await this.#running.download();
    return this.#store.read(names);
  }

  async write(tensors: Tensors): Promise<void> {
    await this.#running.download();
    this.#store.write(tensors);
    this.#upload();
  }

  async restructure(structure: Structure): Promise<void> {
    await this.#running.download();
    this.#store.restructure(structure);
    this.#upload();
  }

  async checkpoint(): Promise<Checkpoint> {
    await this.#running.download();
    return this.#store.checkpoint(this.#step);
  }

  async restore(checkpoint: Checkpoint): Promise<void> {
    this.#store = ParameterStore.restored(this.network, checkpoint, this.options.execution);
    this.#step = checkpoint.step;
    this.#upload();
  }

  dispose(): void {
    this.#running.dispose();
    this.#runningRules.dispose();
  }

  /** Makes new variables of the running network's tensors, after applying the masks in force to the stores. */
  #upload(): void {
    this.dispose();
    maskStore(this.#store, this.#rules);
    this.#running = new RunningTensors(this.tf, this.#store);
    this.#runningRules = new RunningRules(this.tf, this.#store, this.#rules);
  }
}
