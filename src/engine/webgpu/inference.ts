import { type Network, shapesOf } from '../../core/network/index.ts';
import type { EvalMetrics, Latency, LatencyOptions, Split } from '../engine.ts';
import { countImages } from '../inputs.ts';
import { readBuffer } from './buffers.ts';
import { GpuData } from './data.ts';
import { floatsOf } from './halves.ts';
import type { KernelSet } from './kernel-set.ts';
import { storedBytes, vec4s } from './kernel.ts';
import { measureLatency } from './latency.ts';
import type { ArenaLayout } from './layout.ts';
import type { Pipelines } from './pipelines.ts';
import { type Plan, type PlanOptions, Planner } from './plan/plan.ts';
import { RESTING, SLOTS, type StepUniforms } from './step-uniforms.ts';
import type { Submitter } from './submitter.ts';

/** Forward passes by running statistics, norms folded, in batches of one size: evaluation, prediction, latency. */
export class Inference {
  readonly #planner: Planner;
  readonly #data: GpuData;
  #plan: Plan | null = null;
  #network: Network;
  #layout: ArenaLayout;

  /** `layout` says where the running network's parameters lie in the arenas. */
  constructor(
    readonly pipelines: Pipelines,
    readonly kernels: KernelSet,
    readonly options: Omit<PlanOptions, 'mode'>,
    readonly uniforms: StepUniforms,
    readonly submitter: Submitter,
    running: Network,
    layout: ArenaLayout,
  ) {
    this.#planner = new Planner(pipelines, kernels, { ...options, mode: 'infer' });
    this.#data = options.data;
    this.#network = running;
    this.#layout = layout;
  }

  /** Bytes that are not shared. */
  get ownBytes(): number {
    return this.#planner.ownBytes;
  }

  /** Buffers that it computes in with others. */
  get shared(): readonly GPUBuffer[] {
    return this.#planner.shared;
  }

  /** Takes another running network; its plan is made when it is first needed. */
  use(running: Network, layout: ArenaLayout): void {
    this.#network = running;
    this.#layout = layout;
    this.#plan = null;
  }

  /** The plan, with the norms folded as the parameters are now. */
  async #ready(): Promise<Plan> {
    this.#plan ??= await this.#planner.plan(this.#network, this.#layout);
    await this.submitter.run([{ dispatches: this.#plan.prepare, stepOffset: 0 }]);
    return this.#plan;
  }

  async evaluate(split: Split, limit?: number): Promise<EvalMetrics> {
    const images = Math.min(limit ?? Infinity, this.#data.layout[split]);
    if (images < 1) throw new Error(`there are no images in split "${split}" to evaluate on`);
    const { batch } = this.options;
    const batches = Math.ceil(images / batch);
    const plan = await this.#ready();
    let loss = 0;
    let correct = 0;
    for (let first = 0; first < batches; first += SLOTS) {
      const count = Math.min(SLOTS, batches - first);
      const work = Array.from({ length: count }, (_, slot) =>
        this.#batchWork(plan, split, (first + slot) * batch, images, slot),
      );
      await this.submitter.run(work);
      const sums = new Float32Array(await readBuffer(this.pipelines.device, this.#planner.metrics, count * 8));
      for (let i = 0; i < count; i++) {
        loss += sums[2 * i] ?? 0;
        correct += sums[2 * i + 1] ?? 0;
      }
    }
    return { loss: loss / images, accuracy: correct / images, images };
  }

  #batchWork(
    plan: Plan,
    split: Split,
    first: number,
    images: number,
    slot: number,
  ): { dispatches: Plan['forward']; stepOffset: number } {
    const { batch } = this.options;
    const indices = Uint32Array.from({ length: batch }, (_, i) => Math.min(first + i, images - 1));
    this.#data.requireLoaded(split, indices);
    this.pipelines.device.queue.writeBuffer(this.#planner.indices, slot * batch * 4, indices);
    const stepOffset = this.uniforms.write(slot, { ...RESTING, count: Math.min(batch, images - first) });
    return { dispatches: [...(plan.assemble.get(split) ?? []), ...plan.forward], stepOffset };
  }

  /** Logits [images, classes] of raw images. Uses a data set of its own, so nothing that is loaded changes. */
  async predict(pixels: Uint8Array): Promise<Float32Array> {
    const images = countImages(pixels, 'predict');
    const data = new GpuData(this.pipelines.device, { train: 1, holdOut: 1, test: images });
    data.write('test', 0, pixels, new Uint8Array(images));
    const inference = new Inference(
      this.pipelines,
      this.kernels,
      { ...this.options, data },
      this.uniforms,
      this.submitter,
      this.#network,
      this.#layout,
    );
    try {
      return await inference.#logits(images);
    } finally {
      inference.dispose();
      data.dispose();
    }
  }

  async #logits(images: number): Promise<Float32Array> {
    const { batch } = this.options;
    const plan = await this.#ready();
    const classifier = this.#network.nodes.at(-1)?.id ?? '';
    const classes = shapesOf(this.#network).get(classifier)?.[2] ?? 0;
    const vectors = vec4s(classes);
    const padded = vectors * 4;
    const { storage } = this.kernels.tuning;
    const binding = this.#planner.activation(classifier);
    const logits = new Float32Array(images * classes);
    for (let first = 0; first < images; first += batch) {
      await this.submitter.run([this.#batchWork(plan, 'test', first, images, 0)]);
      const bytes = batch * vectors * storedBytes(storage);
      const values = floatsOf(await readBuffer(this.pipelines.device, binding.buffer, bytes, binding.offset), storage);
      for (let i = 0; i < Math.min(batch, images - first); i++) {
        logits.set(values.subarray(i * padded, i * padded + classes), (first + i) * classes);
      }
    }
    return logits;
  }

  /** Milliseconds of a forward pass over a batch; the input is whatever the buffers hold. */
  async latency(options?: LatencyOptions): Promise<Latency> {
    const { forward } = await this.#ready();
    const stepOffset = this.uniforms.write(0, { ...RESTING, count: this.options.batch });
    return measureLatency(this.pipelines.device, this.options.batch, this.submitter, forward, stepOffset, options);
  }

  dispose(): void {
    this.#planner.dispose();
  }
}
