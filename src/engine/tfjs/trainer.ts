import type { Scalar, Tensor, Tensor2D, Tensor4D } from '@tensorflow/tfjs';
import type { Network, Structure, Tensors } from '../../core/network/index.ts';
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
import { measureLatency } from './latency.ts';
import { blendStatistics, updateTensor } from './optimiser.ts';
import { RunningTensors, hostCopies } from './running.ts';

const EVALUATION_BATCH = 100;
const SIZE = 32;
const IMAGE_VALUES = SIZE * SIZE * 3;

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
  #running: RunningTensors;
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
  }

  get step(): number {
    return this.#step;
  }
  get structure(): Structure {
    return this.#store.structure;
  }
  get bytes(): number {
    return this.#running.bytes;
  }
  /** Steps of this engine are too long to be cut. */
  setPace(): void {}

  async train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics> {
    const firstStep = this.#step;
    const loss = new Float32Array(steps);
    const accuracy = new Float32Array(steps);
    for (let i = 0; i < steps; i++) {
      const hyper = hyperAt(this.#step);
      const outcome = await this.#compute(this.#step);
      this.#update(outcome, hyper);
      this.#release(outcome);
      loss[i] = outcome.loss;
      accuracy[i] = outcome.accuracy;
      this.#step++;
    }
    return { firstStep, loss, accuracy };
  }

  async #compute(step: number): Promise<StepOutcome> {
    const { tf, options } = this;
    const running = this.#running;
    const indices = options.batch(step);
    const { pixels, labels } = options.data.select('train', indices);
    const batch = assembleBatch(pixels, indices, { ...options.augment, seed: options.seed, step });
    const images = tf.tensor4d(batch, [indices.length, SIZE, SIZE, 3]);
    const labelTensor = tf.tensor1d(labels, 'int32');
    const statistics = new Map<string, BatchStatistics>();
    const kept: { correct?: Tensor } = {};
    const { value, grads } = tf.variableGrads(
      () => {
        const result = forward(tf, this.#store.running, (name) => running.values(name), images, true);
        for (const [id, { mean, variance }] of result.statistics) {
          statistics.set(id, { mean: tf.keep(mean), variance: tf.keep(variance) });
        }
        kept.correct = tf.keep(result.logits.argMax(1).equal(labelTensor).sum());
        return crossEntropy(tf, result.logits, labelTensor, options.labelSmoothing);
      },
      running.trained.map(({ values }) => values),
    );
    const gradients = new Map(
      running.trained.flatMap(({ spec, values }) => {
        const gradient = grads[values.name];
        return gradient ? [[spec.name, gradient] as const] : [];
      }),
    );
    const [loss = NaN] = await value.data();
    const [correct = NaN] = (await kept.correct?.data()) ?? [];
    tf.dispose([images, labelTensor, value, kept]);
    return { loss, accuracy: correct / indices.length, gradients, statistics };
  }

  #update({ gradients, statistics }: StepOutcome, hyper: Hyper): void {
    for (const tensor of this.#running.trained) {
      const gradient = gradients.get(tensor.spec.name);
      if (gradient) updateTensor(this.tf, tensor, gradient, hyper);
    }
    for (const [id, fresh] of statistics) blendStatistics(this.tf, this.#running, id, fresh);
  }

  #release({ gradients, statistics }: StepOutcome): void {
    this.tf.dispose([...gradients.values()]);
    for (const { mean, variance } of statistics.values()) this.tf.dispose([mean, variance]);
  }

  async gradients({ inputs }: GradientRequest): Promise<Gradients> {
    const outcome = await this.#compute(inputs.step);
    const tensors = this.#store.expand(await hostCopies(outcome.gradients));
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
        const logits = this.#infer(this.#images(pixels, indices));
        return [crossEntropy(tf, logits, labelTensor, 0).mul(count), logits.argMax(1).equal(labelTensor).sum()];
      }) as [Scalar, Scalar];
      loss += (await sum.data())[0] ?? NaN;
      correct += (await hits.data())[0] ?? NaN;
      tf.dispose([sum, hits]);
    }
    return { loss: loss / images, accuracy: correct / images, images };
  }

  /** Normalised images [indices, 32, 32, 3], not augmented. */
  #images(pixels: Uint8Array, indices: Uint32Array): Tensor4D {
    return this.tf.tensor4d(assembleBatch(pixels, indices, null), [indices.length, SIZE, SIZE, 3]);
  }

  /** Logits by running statistics. Call within a tidy. */
  #infer(images: Tensor4D): Tensor2D {
    return forward(this.tf, this.#store.running, (name) => this.#running.values(name), images, false).logits;
  }

  async predict(pixels: Uint8Array): Promise<Float32Array> {
    const images = pixels.length / IMAGE_VALUES;
    if (!Number.isInteger(images) || images < 1) {
      throw new Error('predict needs whole images of 3,072 bytes (32x32 RGB)');
    }
    const indices = Uint32Array.from({ length: images }, (_, i) => i);
    const logits = this.tf.tidy(() => this.#infer(this.#images(pixels, indices)));
    const values = Float32Array.from(await logits.data());
    logits.dispose();
    return values;
  }

  async latency(batch: number): Promise<Latency> {
    const images = this.#images(new Uint8Array(batch * IMAGE_VALUES), new Uint32Array(batch));
    try {
      return await measureLatency(batch, async () => {
        const logits = this.tf.tidy(() => this.#infer(images));
        await logits.data();
        logits.dispose();
      });
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
  }

  /** Makes new variables of the running network's tensors. */
  #upload(): void {
    this.#running.dispose();
    this.#running = new RunningTensors(this.tf, this.#store);
  }
}
