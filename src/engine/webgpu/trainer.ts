import { type Network, type Structure, type Tensors } from '../../core/network/index.ts';
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
  Pace,
  Split,
  StepMetrics,
  StorageType,
  Trainer,
  TrainerOptions,
  UpdateRule,
} from '../engine.ts';
import { type Rules, checkRules, maskStore } from '../rules.ts';
import { ParameterStore } from '../store.ts';
import { readBuffer, storageBuffer } from './buffers.ts';
import { GpuData } from './data.ts';
import { Inference } from './inference.ts';
import type { KernelSet, KernelSets, LayerKind } from './kernel-set.ts';
import { type ArenaLayout, layOut, pack, unpack } from './layout.ts';
import { lossScaleOf } from './loss-scale.ts';
import type { Pipelines } from './pipelines.ts';
import { type Arenas, type Plan, Planner } from './plan/plan.ts';
import type { Dispatch } from './plan/recorder.ts';
import { type Probed, computeGradients, fitsTraining, lossOf, readActivations } from './probe.ts';
import { RuledUpdate } from './rules.ts';
import { type SharedMemory, bytesOf } from './shared-memory.ts';
import { RESTING, SLOTS, type StepValues, StepUniforms } from './step-uniforms.ts';
import { Submitter } from './submitter.ts';
import { BATCH_NORM_MOMENTUM } from '../../core/network/network.ts';

/** Images in a batch of evaluation and prediction. */
const EVALUATION_BATCH = 64;

/** What the engine adds to the options that it opens a trainer with. */
export interface GpuTrainerOptions extends TrainerOptions {
  readonly data: GpuData;
  readonly storage: StorageType;
  /** Memory that all trainers of the engine compute in. */
  readonly shared: SharedMemory;
  readonly onDispose?: (trainer: GpuTrainer) => void;
}

/** What is sized by the network. */
interface TrainerMemory {
  readonly arenas: Arenas;
  readonly planner: Planner;
  readonly inference: Inference;
}

/** Trains one network on the GPU: plans replayed step by step, full-size stores on the host (see Trainer). */
export class GpuTrainer implements Trainer {
  #kernels: KernelSet;
  #memory: TrainerMemory;
  readonly #uniforms: StepUniforms;
  readonly #submitter: Submitter;
  #store: ParameterStore;
  #layout: ArenaLayout;
  #plan: Plan | null = null;
  #rules: Rules = new Map();
  /** The update under the rules; null without any. */
  #ruled: RuledUpdate | null = null;
  #step = 0;
  #compilesLater = false;
  #disposed = false;
  /** Whether the GPU holds newer values than the stores. */
  #ahead = false;

  /** `kinds`: of the network's layers, whose kernels are compiled once the first steps are done. Call `ready` before use. */
  constructor(
    readonly pipelines: Pipelines,
    readonly kernelSets: KernelSets,
    readonly network: Network,
    structure: Structure,
    parameters: Tensors,
    readonly options: GpuTrainerOptions,
    readonly kinds: ReadonlySet<LayerKind>,
  ) {
    this.#kernels = kernelSets.storing(kernelSets.own.tuning, options.storage);
    this.#store = new ParameterStore(network, structure, parameters, options.execution);
    this.#uniforms = new StepUniforms(pipelines);
    this.#submitter = new Submitter(pipelines.device, this.#uniforms.group);
    this.#layout = layOut(this.#store.running);
    this.#memory = this.#allocate();
    this.#upload();
  }

  /** Makes everything whose size depends on the network: room for the full-size one, and for the running one if larger. */
  #allocate(): TrainerMemory {
    const { pipelines, network, options } = this;
    const full = layOut(network);
    const trained = Math.max(full.trainedSize, this.#layout.trainedSize);
    const arena = (label: string, floats: number): GPUBuffer => storageBuffer(pipelines.device, label, floats * 4);
    const arenas = {
      parameters: arena('parameters', trained),
      velocity: arena('velocity', trained),
      running: arena('running statistics', Math.max(full.runningSize, this.#layout.runningSize)),
    };
    const { batchSize: batch, data, shared } = options;
    const planner = new Planner(pipelines, this.#kernels, {
      full: network,
      arenas,
      data,
      shared,
      batch,
      mode: 'train',
    });
    try {
      return { arenas, planner, inference: this.#openInference(arenas, EVALUATION_BATCH) };
    } catch (error) {
      // A buffer that is larger than the adapter allows: what is shared would stay with a trainer that never was.
      planner.dispose();
      throw error;
    }
  }

  #openInference(arenas: Arenas, batch: number): Inference {
    const { data, shared } = this.options;
    return new Inference(
      this.pipelines,
      this.#kernels,
      { full: this.network, arenas, data, shared, batch },
      this.#uniforms,
      this.#submitter,
      this.#store.running,
      this.#layout,
    );
  }

  /** Records the first plan and compiles what it needs. */
  async ready(): Promise<void> {
    await this.#record();
  }

  get step(): number {
    return this.#step;
  }

  get #arenas(): Arenas {
    return this.#memory.arenas;
  }
  get #planner(): Planner {
    return this.#memory.planner;
  }
  get #inference(): Inference {
    return this.#memory.inference;
  }

  get structure(): Structure {
    return this.#store.structure;
  }

  get bytes(): number {
    return this.ownBytes + bytesOf([...this.#planner.shared, ...this.#inference.shared]);
  }

  /** Bytes that no other trainer uses. */
  get ownBytes(): number {
    const arenas = bytesOf(Object.values<GPUBuffer>({ ...this.#arenas }));
    return arenas + this.#planner.ownBytes + this.#inference.ownBytes + (this.#ruled?.bytes ?? 0);
  }

  /** Runs a call that computes in shared memory, or changes who holds it, when no other such call is under way. */
  #inTurn<T>(call: () => Promise<T>): Promise<T> {
    return this.options.shared.inTurn(() => {
      if (this.#disposed) throw new Error('this trainer was closed before its turn came');
      return call();
    });
  }

  setPace(pace: Pace): void {
    this.#submitter.pace = pace;
  }

  train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics> {
    return this.#inTurn(() => this.#train(steps, hyperAt));
  }

  async #train(steps: number, hyperAt: (step: number) => Hyper): Promise<StepMetrics> {
    const firstStep = this.#step;
    const loss = new Float32Array(steps);
    const accuracy = new Float32Array(steps);
    for (let done = 0; done < steps; done += SLOTS) {
      const count = Math.min(SLOTS, steps - done);
      const sums = await this.#runSteps(firstStep + done, count, hyperAt);
      this.#compileLater();
      for (let i = 0; i < count; i++) {
        loss[done + i] = (sums[2 * i] ?? 0) / this.options.batchSize;
        accuracy[done + i] = (sums[2 * i + 1] ?? 0) / this.options.batchSize;
      }
    }
    return { firstStep, loss, accuracy };
  }

  /** A change of structure finds its kernels compiled; the first step did not wait for them. */
  #compileLater(): void {
    if (this.#compilesLater) return;
    this.#compilesLater = true;
    // Whoever needs a kernel that does not compile is told then.
    this.pipelines.prepare(this.#kernels.all(this.kinds)).catch(() => {});
  }

  /** Runs at most a ring's worth of steps; returns (summed loss, correct images) of each. */
  async #runSteps(firstStep: number, count: number, hyperAt: (step: number) => Hyper): Promise<Float32Array> {
    const { assemble, forward, backward } = this.#requirePlan();
    const dispatches = [...(assemble.get('train') ?? []), ...forward, ...backward, ...this.#update];
    const work = Array.from({ length: count }, (_, slot) => {
      const step = firstStep + slot;
      const stepOffset = this.#writeStep(slot, step, { hyper: hyperAt(step), runningKeep: BATCH_NORM_MOMENTUM });
      return { dispatches, stepOffset };
    });
    this.#ahead = true;
    await this.#submitter.run(work);
    this.#step = firstStep + count;
    return new Float32Array(await readBuffer(this.pipelines.device, this.#planner.metrics, count * 8));
  }

  #writeStep(slot: number, step: number, values: Partial<StepValues>): number {
    const { batchSize, seed, labelSmoothing, augment, data, storage } = this.options;
    const indices = this.options.batch(step);
    data.requireLoaded('train', indices);
    this.pipelines.device.queue.writeBuffer(this.#planner.indices, slot * batchSize * 4, indices.slice());
    const lossScale = lossScaleOf(storage, batchSize);
    const common = { ...RESTING, seed, step, count: batchSize, labelSmoothing, augment, lossScale };
    return this.#uniforms.write(slot, { ...common, ...values });
  }

  evaluate(split: Split, limit?: number): Promise<EvalMetrics> {
    return this.#inTurn(() => this.#inference.evaluate(split, limit));
  }

  predict(pixels: Uint8Array): Promise<Float32Array> {
    return this.#inTurn(() => this.#inference.predict(pixels));
  }

  latency(batch: number, options?: LatencyOptions): Promise<Latency> {
    return this.#inTurn(() => this.#latency(batch, options));
  }

  async #latency(batch: number, options?: LatencyOptions): Promise<Latency> {
    if (batch === EVALUATION_BATCH) return this.#inference.latency(options);
    const inference = this.#openInference(this.#arenas, batch);
    try {
      return await inference.latency(options);
    } finally {
      inference.dispose();
    }
  }

  activations(request: ActivationRequest): Promise<ReadonlyMap<string, Activation>> {
    return this.#inTurn(() => readActivations(this.#probed, request));
  }

  /** What probes read: the network as it runs now, in full precision. */
  get #probed(): Probed {
    return {
      pipelines: this.pipelines,
      kernels: this.kernelSets.storing(this.#kernels.tuning, 'f32'),
      uniforms: this.#uniforms,
      submitter: this.#submitter,
      options: this.options,
      network: this.#store.running,
      layout: this.#layout,
      arenas: this.#arenas,
    };
  }

  async setRules(rules: ReadonlyMap<string, UpdateRule>): Promise<void> {
    checkRules(this.network, rules);
    const quantises = [...this.#rules.values(), ...rules.values()].some(({ quantiser }) => quantiser);
    const changesValues = quantises || [...rules.values()].some(({ mask }) => mask);
    if (changesValues) await this.#download();
    this.#rules = new Map(rules);
    if (changesValues) this.#upload();
    await this.#applyRules();
  }

  recalibrate(steps: readonly number[]): Promise<void> {
    return this.#inTurn(() => this.#recalibrate(steps));
  }

  async #recalibrate(steps: readonly number[]): Promise<void> {
    const { assemble, forward } = this.#requirePlan();
    const dispatches = [...(assemble.get('train') ?? []), ...forward];
    for (let first = 0; first < steps.length; first += SLOTS) {
      const work = steps.slice(first, first + SLOTS).map((step, slot) => {
        // What stays of the mean so far, so that all batches weigh alike; the first takes the place of what was there.
        const done = first + slot;
        return { dispatches, stepOffset: this.#writeStep(slot, step, { runningKeep: done / (done + 1) }) };
      });
      this.#ahead = true;
      await this.#submitter.run(work);
    }
  }

  gradients(request: GradientRequest): Promise<Gradients> {
    return this.#inTurn(() => this.#gradients(request));
  }

  async #gradients(request: GradientRequest): Promise<Gradients> {
    if (this.options.storage !== 'f32' || !fitsTraining(request)) {
      const { tensors, ...rest } = await computeGradients(this.#probed, request);
      return { ...rest, tensors: this.#store.expand(tensors) };
    }
    const { assemble, forward, backward } = this.#requirePlan();
    const stepOffset = this.#writeStep(0, request.inputs.step, lossOf(request));
    const dispatches = [...(assemble.get('train') ?? []), ...forward, ...backward];
    await this.#submitter.run([{ dispatches, stepOffset }]);
    const { device } = this.pipelines;
    const [sum = NaN] = new Float32Array(await readBuffer(device, this.#planner.metrics, 8));
    const arena = new Float32Array(await readBuffer(device, this.#planner.gradients, this.#layout.trainedSize * 4));
    const tensors = this.#store.expand(unpack(this.#layout, arena, 'trained'));
    return { loss: request.loss === 'sumOfLogits' ? sum : sum / this.options.batchSize, tensors, log2Scale: 0 };
  }

  async read(names?: readonly string[]): Promise<Tensors> {
    await this.#download();
    return this.#store.read(names);
  }

  async write(tensors: Tensors): Promise<void> {
    await this.#download();
    this.#store.write(tensors);
    this.#upload();
    await this.#ruled?.seed(this.#store, this.#submitter);
  }

  restructure(structure: Structure): Promise<void> {
    return this.#inTurn(async () => {
      await this.#download();
      this.#store.restructure(structure);
      this.#upload();
      await this.#record();
    });
  }

  async checkpoint(): Promise<Checkpoint> {
    await this.#download();
    return { ...this.#store.checkpoint(this.#step), variants: this.#kernels.variants };
  }

  restore(checkpoint: Checkpoint): Promise<void> {
    return this.#inTurn(() => this.#restore(checkpoint));
  }

  async #restore(checkpoint: Checkpoint): Promise<void> {
    const { variants } = checkpoint;
    const kernels = variants === undefined ? this.#kernels : this.kernelSets.of(variants, this.options.storage);
    this.#store = ParameterStore.restored(this.network, checkpoint, this.options.execution);
    this.#step = checkpoint.step;
    this.#ahead = false;
    if (kernels !== this.#kernels) this.#switchTo(kernels);
    this.#upload();
    await this.#record();
  }

  /** Takes other variants of the kernels; what their tiles need of scratch may differ. */
  #switchTo(kernels: KernelSet): void {
    this.#kernels = kernels;
    this.#compilesLater = false;
    this.#release();
    this.#memory = this.#allocate();
  }

  dispose(): void {
    this.#disposed = true;
    this.#ruled?.dispose();
    this.#release();
    this.#uniforms.dispose();
    this.options.onDispose?.(this);
  }

  #release(): void {
    this.#planner.dispose();
    this.#inference.dispose();
    for (const buffer of Object.values<GPUBuffer>({ ...this.#arenas })) buffer.destroy();
  }

  /** Brings the stores up to date with the GPU. */
  async #download(): Promise<void> {
    if (!this.#ahead) return;
    const { device } = this.pipelines;
    const { trainedSize, runningSize } = this.#layout;
    const precise = this.#ruled?.buffers.precise;
    const [parameters, velocity, running, unquantised] = await Promise.all([
      readBuffer(device, this.#arenas.parameters, trainedSize * 4),
      readBuffer(device, this.#arenas.velocity, trainedSize * 4),
      readBuffer(device, this.#arenas.running, runningSize * 4),
      precise ? readBuffer(device, precise, trainedSize * 4) : null,
    ]);
    const tensors = (arena: ArrayBuffer, kind: 'trained' | 'running'): Tensors =>
      unpack(this.#layout, new Float32Array(arena), kind);
    this.#store.scatter(tensors(parameters, 'trained'), this.#store.parameters);
    if (this.#ruled && unquantised) {
      this.#store.scatter(this.#ruled.unpackPrecise(new Float32Array(unquantised)), this.#store.parameters);
    }
    this.#store.scatter(tensors(running, 'running'), this.#store.parameters);
    this.#store.scatter(tensors(velocity, 'trained'), this.#store.momentum);
    this.#ahead = false;
  }

  /** Gathers the running network's tensors from the stores, masked as the rules say, into the arenas. */
  #upload(): void {
    maskStore(this.#store, this.#rules);
    const layout = layOut(this.#store.running);
    this.#layout = layout;
    // Strided sparsity can need more room than the full-size network; nothing else does.
    if (layout.trainedSize * 4 > this.#arenas.parameters.size || layout.runningSize * 4 > this.#arenas.running.size) {
      this.#release();
      this.#memory = this.#allocate();
    }
    const { queue } = this.pipelines.device;
    const parameters = this.#store.gather(this.#store.parameters);
    queue.writeBuffer(this.#arenas.parameters, 0, pack(layout, parameters, 'trained'));
    queue.writeBuffer(this.#arenas.running, 0, pack(layout, parameters, 'running'));
    queue.writeBuffer(this.#arenas.velocity, 0, pack(layout, this.#store.gather(this.#store.momentum), 'trained'));
  }

  async #record(): Promise<void> {
    this.#inference.use(this.#store.running, this.#layout);
    this.#plan = await this.#planner.plan(this.#store.running, this.#layout);
    await this.#applyRules();
  }

  /** Makes the update under the rules for the running network. */
  async #applyRules(): Promise<void> {
    this.#ruled?.dispose();
    this.#ruled = null;
    if (this.#rules.size === 0) return;
    const arenas = { ...this.#arenas, gradients: this.#planner.gradients };
    this.#ruled = await RuledUpdate.open(this.pipelines, this.#rules, this.#store, this.#layout, arenas);
    await this.#ruled.seed(this.#store, this.#submitter);
  }

  get #update(): readonly Dispatch[] {
    if (this.#rules.size === 0) return this.#requirePlan().update;
    if (!this.#ruled) throw new Error('the rules of the update could not be put in force; set them again');
    return this.#ruled.update;
  }

  #requirePlan(): Plan {
    if (!this.#plan) throw new Error('this trainer has no plan yet');
    return this.#plan;
  }
}
