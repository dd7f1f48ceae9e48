import type { Network } from '../../../core/network/index.ts';
import type { Split } from '../../engine.ts';
import { storageBuffer } from '../buffers.ts';
import type { GpuData } from '../data.ts';
import type { KernelSet } from '../kernel-set.ts';
import { elementwiseGrid } from '../kernel.ts';
import { assemble } from '../kernels/assemble/kernel.ts';
import { sgd } from '../kernels/sgd/kernel.ts';
import type { ArenaLayout } from '../layout.ts';
import type { Pipelines } from '../pipelines.ts';
import { type SharedMemory, bytesOf } from '../shared-memory.ts';
import { SLOTS } from '../step-uniforms.ts';
import { recordBackward } from './backward.ts';
import { ELEMENTWISE_COST, PlanContext, type TrainingBuffers } from './context.ts';
import { recordFolded, recordForward } from './forward.ts';
import { PlannerMemory } from './planner-memory.ts';
import { type ProbeOptions, wantedBy } from './probe-options.ts';
import { type Dispatch, type PlanStorage, Recorder } from './recorder.ts';
import { Room } from './room.ts';
import type { UnitOptions } from './units.ts';

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
  readonly running: GPUBuffer;
}

export interface PlanOptions {
  readonly full: Network;
  readonly batch: number;
  readonly mode: 'train' | 'infer';
  readonly arenas: Arenas;
  readonly data: GpuData;
  /** Where plans compute. */
  readonly shared: SharedMemory;
  /** For a gradient or activations that are read once, in mode `train`. */
  readonly probe?: ProbeOptions;
}

/**
 * Holds the buffers of one batch size and records plans into them. Buffers are made once, for the full-size network: a
 * new structure only means new shapes and bind groups (see Room for the exception).
 */
export class Planner {
  readonly #labels: GPUBuffer;
  readonly #outcome: GPUBuffer;
  readonly #unitOptions: UnitOptions;
  #memory: PlannerMemory;
  #storage: PlanStorage | undefined;
  /** Batch indices [slots, batch] and summed (loss, correct) [slots]. */
  readonly indices: GPUBuffer;
  readonly metrics: GPUBuffer;

  constructor(
    readonly pipelines: Pipelines,
    readonly kernels: KernelSet,
    readonly options: PlanOptions,
  ) {
    const { full, batch, mode, probe } = options;
    const make = (label: string, bytes: number): GPUBuffer => storageBuffer(pipelines.device, label, bytes);
    this.#unitOptions = { fold: mode === 'infer', keep: wantedBy(probe) };
    this.#labels = make('batch labels', batch * 4);
    this.#outcome = make('outcome', batch * 8);
    this.indices = make('batch indices', SLOTS * batch * 4);
    this.metrics = make('metrics', SLOTS * 8);
    this.#memory = this.#allocate(Room.of(full));
  }

  #allocate(room: Room): PlannerMemory {
    const { options, kernels } = this;
    return new PlannerMemory(options.shared, room, options, kernels, this.#unitOptions);
  }

  /** Bytes that are not shared. */
  get ownBytes(): number {
    const owned = [this.#labels, this.#outcome, this.indices, this.metrics];
    const recorded = this.#storage ? [this.#storage.uniforms, this.#storage.tables] : [];
    return bytesOf([...owned, ...recorded]) + this.#memory.ownBytes;
  }

  /** Buffers that plans compute in with those of others. */
  get shared(): readonly GPUBuffer[] {
    return this.#memory.shared;
  }

  /**
   * Records the plan of a running network whose parameters lie as `layout` says. Kernels that it is the first to need are
   * compiled.
   */
  async plan(network: Network, layout: ArenaLayout): Promise<Plan> {
    const { batch, mode, arenas, data, probe } = this.options;
    const room = this.#memory.room.fitting(layout);
    // All bind groups are made anew here, so this is when a planner moves to the larger buffers of another.
    if (room !== this.#memory.room || this.#memory.outgrown) {
      this.#memory.dispose();
      this.#memory = this.#allocate(room);
    }
    const memory = this.#memory;
    const recorder = new Recorder(this.kernels.tuning.storage);
    const context = new PlanContext(
      network,
      room,
      batch,
      this.kernels,
      layout,
      memory.placement,
      {
        activations: memory.activations,
        parameters: arenas.parameters,
        running: arenas.running,
        states: memory.states,
        labels: this.#labels,
        outcome: this.#outcome,
        metrics: this.metrics,
        discarded: memory.discarded,
        training: memory.training,
        rescaling: memory.rescaling,
      },
      recorder,
      this.#unitOptions,
      probe,
    );

    const splits: readonly Split[] = mode === 'train' ? ['train'] : ['holdOut', 'test'];
    for (const split of splits) this.#recordAssemble(recorder, context, data, split);
    const prepareAt = recorder.length;
    recordFolded(context);
    const forwardAt = recorder.length;
    const statistics = probe?.statistics ?? (mode === 'train' ? 'batch' : 'running');
    recordForward(context, statistics);
    const backwardAt = recorder.length;
    if (mode === 'train') recordBackward(context, statistics);
    const updateAt = recorder.length;
    if (mode === 'train') this.#recordUpdate(recorder, layout, context.training);

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
    return this.#memory.binding('activation', node);
  }

  /** The gradient of the loss at a node's output, after a backward pass of a probe that keeps it. */
  gradient(node: string): GPUBufferBinding {
    return this.#memory.binding('gradient', node);
  }

  /** Gradients of the parameters after a backward pass, laid out as these are. */
  get gradients(): GPUBuffer {
    const { training } = this.#memory;
    if (!training) throw new Error('plan: this plan only infers');
    return training.gradients;
  }

  /** The factors of a probe that rescales, by place in `ProbeOptions.rescale`; null for others. */
  get factors(): GPUBuffer | null {
    return this.#memory.rescaling?.factors ?? null;
  }

  dispose(): void {
    for (const buffer of [this.#labels, this.#outcome, this.indices, this.metrics]) buffer.destroy();
    this.#memory.dispose();
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

  #recordUpdate(recorder: Recorder, layout: ArenaLayout, { gradients, velocity }: TrainingBuffers): void {
    const size = layout.trainedSize / 4;
    recorder.record(
      sgd,
      {
        gradient: { buffer: gradients },
        parameters: { buffer: this.options.arenas.parameters },
        velocity: { buffer: velocity },
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
