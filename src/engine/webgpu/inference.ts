import { type Network, shapesOf } from '../../core/network/index.ts';
import type { EvalMetrics, Latency, Split } from '../engine.ts';
import { readBuffer } from './buffers.ts';
import { GpuData } from './data.ts';
import type { KernelSet } from './kernel-set.ts';
import { vec4s } from './kernel.ts';
import type { ArenaLayout } from './layout.ts';
import type { Pipelines } from './pipelines.ts';
import { type Plan, type PlanOptions, Planner } from './plan/plan.ts';
import { RESTING, SLOTS, type StepUniforms } from './step-uniforms.ts';
import type { Submitter } from './submitter.ts';

/** A latency sample lasts at least this long, because timers are coarse; and this many samples are taken. */
const SAMPLE_MILLISECONDS = 10;
const SAMPLES = 20;
/** Samples stop early when they have taken this long together: a slow adapter still answers in a few seconds. */
const LONGEST_MILLISECONDS = 3_000;

/** Forward passes by running statistics in batches of one size: evaluation, prediction, latency. */
export class Inference {
  readonly #planner: Planner;
  readonly #data: GpuData;
  #plan: Plan | null = null;
  #network: Network;
  #layout: ArenaLayout | null = null;

  constructor(
    readonly pipelines: Pipelines,
    readonly kernels: KernelSet,
    readonly options: Omit<PlanOptions, 'mode'>,
    readonly uniforms: StepUniforms,
    readonly submitter: Submitter,
  ) {
    this.#planner = new Planner(pipelines, kernels, { ...options, mode: 'infer' });
    this.#data = options.data;
    this.#network = options.full;
  }

  get bytes(): number {
    return this.#planner.bytes;
  }

  /** Takes the running network's new plan. */
  record(network: Network, layout: ArenaLayout): void {
    this.#network = network;
    this.#layout = layout;
    this.#plan = this.#planner.plan(network, layout);
  }

  async evaluate(split: Split, limit?: number): Promise<EvalMetrics> {
    const images = Math.min(limit ?? Infinity, this.#data.layout[split]);
    if (images < 1) throw new Error(`there are no images in split "${split}" to evaluate on`);
    let loss = 0;
    let correct = 0;
    await this.#eachRing(split, images, async (batches) => {
      const sums = new Float32Array(await readBuffer(this.pipelines.device, this.#planner.metrics, batches * 8));
      for (let i = 0; i < batches; i++) {
        loss += sums[2 * i] ?? 0;
        correct += sums[2 * i + 1] ?? 0;
      }
    });
    return { loss: loss / images, accuracy: correct / images, images };
  }

  /** Runs all batches of the first `images` images, at most a ring of them at a time. */
  async #eachRing(split: Split, images: number, read: (batches: number) => Promise<void>): Promise<void> {
    const { batch } = this.options;
    const batches = Math.ceil(images / batch);
    await this.#prepare();
    for (let first = 0; first < batches; first += SLOTS) {
      const count = Math.min(SLOTS, batches - first);
      const work = Array.from({ length: count }, (_, slot) =>
        this.#batchWork(split, (first + slot) * batch, images, slot),
      );
      await this.submitter.run(work);
      await read(count);
    }
  }

  #batchWork(
    split: Split,
    first: number,
    images: number,
    slot: number,
  ): { dispatches: Plan['forward']; stepOffset: number } {
    const { batch } = this.options;
    const plan = this.#requirePlan();
    const indices = Uint32Array.from({ length: batch }, (_, i) => Math.min(first + i, images - 1));
    this.#data.requireLoaded(split, indices);
    this.pipelines.device.queue.writeBuffer(this.#planner.indices, slot * batch * 4, indices);
    const stepOffset = this.uniforms.write(slot, { ...RESTING, count: Math.min(batch, images - first) });
    return { dispatches: [...(plan.assemble.get(split) ?? []), ...plan.forward], stepOffset };
  }

  /** Logits [images, classes] of raw images. Uses a data set of its own, so nothing that is loaded changes. */
  async predict(pixels: Uint8Array): Promise<Float32Array> {
    const images = pixels.length / 3_072;
    if (!Number.isInteger(images) || images < 1)
      throw new Error('predict needs whole images of 3,072 bytes (32x32 RGB)');
    const { device } = this.pipelines;
    const data = new GpuData(device, { train: 1, holdOut: 1, test: images });
    data.write('test', 0, pixels, new Uint8Array(images));
    const inference = new Inference(
      this.pipelines,
      this.kernels,
      { ...this.options, data },
      this.uniforms,
      this.submitter,
    );
    try {
      if (!this.#layout) throw new Error('predict: no plan has been recorded');
      inference.record(this.#network, this.#layout);
      return await inference.#logits(images);
    } finally {
      inference.dispose();
      data.dispose();
    }
  }

  async #logits(images: number): Promise<Float32Array> {
    const { batch } = this.options;
    const classifier = this.#network.nodes.at(-1)?.id ?? '';
    const classes = shapesOf(this.#network).get(classifier)?.[2] ?? 0;
    const padded = vec4s(classes) * 4;
    const binding = this.#planner.activation(classifier);
    const logits = new Float32Array(images * classes);
    await this.#prepare();
    for (let first = 0; first < images; first += batch) {
      await this.submitter.run([this.#batchWork('test', first, images, 0)]);
      const bytes = batch * padded * 4;
      const values = new Float32Array(await readBuffer(this.pipelines.device, binding.buffer, bytes, binding.offset));
      for (let i = 0; i < Math.min(batch, images - first); i++) {
        logits.set(values.subarray(i * padded, i * padded + classes), (first + i) * classes);
      }
    }
    return logits;
  }

  /** Wall clock around enough passes that a sample lasts 10 ms; the input is whatever the buffers hold. */
  async latency(): Promise<Latency> {
    const { forward } = this.#requirePlan();
    const stepOffset = this.uniforms.write(0, { ...RESTING, count: this.options.batch });
    const time = async (passes: number): Promise<number> => {
      const started = performance.now();
      await this.submitter.run(Array.from({ length: passes }, () => ({ dispatches: forward, stepOffset })));
      return (performance.now() - started) / passes;
    };
    await this.#prepare();
    await time(1);
    const first = await time(2);
    const passes = Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / Math.max(first, 0.01)));
    const samples: number[] = [];
    const started = performance.now();
    while (samples.length < SAMPLES && (samples.length < 3 || performance.now() - started < LONGEST_MILLISECONDS)) {
      samples.push(await time(passes));
    }
    samples.sort((a, b) => a - b);
    const at = (share: number): number =>
      samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] ?? 0;
    return { batch: this.options.batch, median: at(0.5), p95: at(0.95), n: samples.length };
  }

  dispose(): void {
    this.#planner.dispose();
  }

  /** Folds the norms as the parameters are now. */
  async #prepare(): Promise<void> {
    await this.submitter.run([{ dispatches: this.#requirePlan().prepare, stepOffset: 0 }]);
  }

  #requirePlan(): Plan {
    if (!this.#plan) throw new Error('inference: no plan has been recorded');
    return this.#plan;
  }
}
