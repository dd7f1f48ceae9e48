import type { Network } from '../../../core/network/index.ts';
import type { Split } from '../../engine.ts';
import { storageBuffer, values } from '../buffers.ts';
import type { GpuData } from '../data.ts';
import type { KernelSet } from '../kernel-set.ts';
import { elementwiseGrid } from '../kernel.ts';
import { assemble } from '../kernels/assemble/kernel.ts';
import { sgd } from '../kernels/sgd/kernel.ts';
import type { ArenaLayout } from '../layout.ts';
import type { Pipelines } from '../pipelines.ts';
import { SLOTS } from '../step-uniforms.ts';
import { recordBackward } from './backward.ts';
import { ELEMENTWISE_COST, PlanContext, type TrainingBuffers, stateOffsets } from './context.ts';
import { recordFolded, recordForward } from './forward.ts';
import { type Placement, activationKey, place } from './memory.ts';
import { type Dispatch, type PlanStorage, Recorder } from './recorder.ts';
import { partialBytes, transposedBytes } from './scratch.ts';
import { type UnitOptions, unitsOf } from './units.ts';

/** Dispatches of one structure, by phase. `assemble` fills the input from a split of the data set. */
export interface Plan {
  readonly assemble: ReadonlyMap<Split, readonly Dispatch[]>;
  /** Inference only: what has to run once before any number of forward passes. */
  readonly prepare: readonly Dispatch[];
  readonly forward: readonly Dispatch[];
  readonly backward: readonly Dispatch[];
  readonly update: readonly Dispatch[];
}

/** The arenas of the running network's parameters, at full-size capacity. */
export interface Arenas {
  readonly parameters: GPUBuffer;
  readonly velocity: GPUBuffer;
  readonly gradients: GPUBuffer;
  readonly running: GPUBuffer;
}

export interface PlanOptions {
  readonly full: Network;
  readonly batch: number;
  readonly mode: 'train' | 'infer';
  readonly arenas: Arenas;
  readonly data: GpuData;
}

/**
 * Holds the buffers of one batch size and records plans into them. Buffers are made once, for the full-size network:
 * a new structure only means new shapes and bind groups.
 */
export class Planner {
  readonly #placement: Placement;
  readonly #activations: readonly GPUBuffer[];
  readonly #states: GPUBuffer;
  readonly #labels: GPUBuffer;
  readonly #outcome: GPUBuffer;
  readonly #training: TrainingBuffers | null;
  readonly #owned: GPUBuffer[] = [];
  readonly #discarded: GPUBuffer;
  readonly #unitOptions: UnitOptions;
  #storage: PlanStorage | undefined;
  /** Batch indices [slots, batch] and summed (loss, correct) [slots]. */
  readonly indices: GPUBuffer;
  readonly metrics: GPUBuffer;

  constructor(
    readonly pipelines: Pipelines,
    readonly kernels: KernelSet,
    readonly options: PlanOptions,
  ) {
    const { full, batch, mode, arenas } = options;
    const make = (label: string, bytes: number): GPUBuffer => {
      const buffer = storageBuffer(pipelines.device, label, bytes);
      this.#owned.push(buffer);
      return buffer;
    };
    this.#unitOptions = { fold: mode === 'infer' };
    this.#placement = place(full, unitsOf(full, this.#unitOptions), batch, mode === 'train');
    this.#activations = this.#placement.capacities.map((capacity, index) => make(`activation ${index}`, capacity * 16));
    const states = stateOffsets(full);
    this.#states = make('norm states', states.bytes);
    this.#discarded = make('discarded', states.bytes);
    this.#labels = make('batch labels', batch * 4);
    this.#outcome = make('outcome', batch * 8);
    this.indices = make('batch indices', SLOTS * batch * 4);
    this.metrics = make('metrics', SLOTS * 8);
    this.#training =
      mode === 'train'
        ? {
            velocity: arenas.velocity,
            gradients: arenas.gradients,
            coefficients: make('norm coefficients', states.bytes),
            partials: make('partial sums', partialBytes(full, batch, kernels.tuning)),
            transposed: make('transposed kernels', transposedBytes(full)),
          }
        : null;
  }

  get bytes(): number {
    const owned = this.#owned.reduce((sum, buffer) => sum + buffer.size, 0);
    return owned + (this.#storage?.uniforms.size ?? 0) + (this.#storage?.tables.size ?? 0);
  }

  /**
   * Records the plan of a running network whose parameters lie as `layout` says. Kernels that it is the first to need are
   * compiled.
   */
  async plan(network: Network, layout: ArenaLayout): Promise<Plan> {
    const { full, batch, mode, arenas, data } = this.options;
    const recorder = new Recorder();
    const context = new PlanContext(
      network,
      full,
      batch,
      this.kernels,
      layout,
      this.#placement,
      {
        activations: this.#activations,
        parameters: arenas.parameters,
        running: arenas.running,
        states: this.#states,
        labels: this.#labels,
        outcome: this.#outcome,
        metrics: this.metrics,
        discarded: this.#discarded,
        training: this.#training,
      },
      recorder,
      this.#unitOptions,
    );

    const splits: readonly Split[] = mode === 'train' ? ['train'] : ['holdOut', 'test'];
    for (const split of splits) this.#recordAssemble(recorder, context, data, split);
    const prepareAt = recorder.length;
    recordFolded(context);
    const forwardAt = recorder.length;
    const statistics = mode === 'train' ? 'batch' : 'running';
    recordForward(context, statistics);
    const backwardAt = recorder.length;
    if (mode === 'train') recordBackward(context, statistics);
    const updateAt = recorder.length;
    if (mode === 'train') this.#recordUpdate(recorder, layout);

    await this.pipelines.prepare(recorder.kernels);
    this.#writeIdentityStates(context);
    const { dispatches, storage } = recorder.build(this.pipelines, this.#storage);
    this.#storage = storage;
    return {
      assemble: new Map(splits.map((split, index) => [split, dispatches.slice(index, index + 1)])),
      prepare: dispatches.slice(prepareAt, forwardAt),
      forward: dispatches.slice(forwardAt, backwardAt),
      backward: dispatches.slice(backwardAt, updateAt),
      update: dispatches.slice(updateAt),
    };
  }

  /** The activation that holds a node's output after a forward pass (the logits after any). */
  activation(node: string): GPUBufferBinding {
    const buffer = this.#activations[this.#placement.slots.get(activationKey(node)) ?? -1];
    if (!buffer) throw new Error(`no activation of "${node}" is kept`);
    return values(buffer);
  }

  dispose(): void {
    for (const buffer of this.#owned) buffer.destroy();
    this.#storage?.uniforms.destroy();
    this.#storage?.tables.destroy();
  }

  #recordAssemble(recorder: Recorder, context: PlanContext, data: GpuData, split: Split): void {
    const input = context.units[0];
    if (input?.kind !== 'input') throw new Error('plan: the first node of a network must be its input');
    const [height, width] = context.extent(input.output).shape;
    const { pixels, labels } = data.buffers(split);
    const count = this.options.batch * height * width;
    recorder.record(
      assemble,
      {
        pixels: { buffer: pixels },
        labels: { buffer: labels },
        indices: { buffer: this.indices },
        activation: context.activation(input.output),
        batchLabels: { buffer: this.#labels },
      },
      { images: this.options.batch, height, width },
      elementwiseGrid(count * 4),
      count * ELEMENTWISE_COST * 2,
    );
  }

  #recordUpdate(recorder: Recorder, layout: ArenaLayout): void {
    const { arenas } = this.options;
    const size = layout.trainedSize / 4;
    recorder.record(
      sgd,
      {
        gradient: { buffer: arenas.gradients },
        parameters: { buffer: arenas.parameters },
        velocity: { buffer: arenas.velocity },
      },
      { size, decayEnd: layout.decayEnd / 4 },
      elementwiseGrid(size),
      size * ELEMENTWISE_COST * 2,
    );
  }

  /** Units without a batch norm pass values on unscaled: scale 1, everything else 0. */
  #writeIdentityStates(context: PlanContext): void {
    for (const unit of context.units) {
      if (unit.kind !== 'norm' || unit.batchNorm || unit.gate) continue;
      const { buffer, offset = 0, size = 0 } = context.state(unit, context.extent(unit.output).vectors);
      const state = new Float32Array(size / 4).fill(1, 0, size / 16);
      this.pipelines.device.queue.writeBuffer(buffer, offset, state);
    }
  }
}
