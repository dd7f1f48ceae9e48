import { shapesOf } from '../../../core/network/index.ts';
import { storageBuffer, values } from '../buffers.ts';
import type { StorageType } from '../../engine.ts';
import type { KernelSet } from '../kernel-set.ts';
import { storedBytes } from '../kernel.ts';
import { type RescalingBuffers, type TrainingBuffers, stateOffsets } from './context.ts';
import { type Placement, activationKey, gradientKey, place } from './memory.ts';
import type { Arenas, PlanOptions } from './plan.ts';
import { FACTOR_BYTES, MAXIMA } from '../kernels/rescale/kernel.ts';
import type { Room } from './room.ts';
import { partialBytes, transposedBytes } from './scratch.ts';
import { type UnitOptions, unitsOf } from './units.ts';

/** The buffers whose sizes depend on the widths there is room for: activations, norm states, scratch. */
export class PlannerMemory {
  readonly placement: Placement;
  readonly activations: readonly GPUBuffer[];
  readonly states: GPUBuffer;
  readonly discarded: GPUBuffer;
  readonly training: TrainingBuffers | null;
  readonly rescaling: RescalingBuffers | null;
  readonly #storage: StorageType;
  readonly #owned: GPUBuffer[] = [];

  constructor(
    readonly device: GPUDevice,
    readonly room: Room,
    { batch, mode, probe }: Pick<PlanOptions, 'batch' | 'mode' | 'probe'>,
    arenas: Arenas,
    kernels: KernelSet,
    unitOptions: UnitOptions,
  ) {
    const make = (label: string, bytes: number): GPUBuffer => {
      const buffer = storageBuffer(device, label, bytes);
      this.#owned.push(buffer);
      return buffer;
    };
    this.placement = place(room, unitsOf(room.full, unitOptions), batch, mode === 'train', probe?.keep);
    this.#storage = kernels.tuning.storage;
    const vectorBytes = storedBytes(this.#storage);
    this.activations = this.placement.capacities.map((capacity, index) =>
      make(`activation ${index}`, capacity * vectorBytes),
    );
    const shapes = shapesOf(room.full);
    const states = stateOffsets(room);
    this.states = make('norm states', states.bytes);
    this.discarded = make('discarded', states.bytes);
    this.training =
      mode === 'train'
        ? {
            velocity: arenas.velocity,
            gradients: arenas.gradients,
            coefficients: make('norm coefficients', states.bytes),
            winners: new Map(
              room.full.nodes.flatMap((node) => {
                if (node.op !== 'maxPool') return [];
                const [height = 0, width = 0] = shapes.get(node.id) ?? [];
                const bytes = batch * height * width * room.vectors(node.id) * 4;
                return [[node.id, make(`winners of ${node.id}`, bytes)] as const];
              }),
            ),
            partials: make('partial sums', partialBytes(room, batch, kernels.tuning)),
            transposed: make('transposed kernels', transposedBytes(room)),
          }
        : null;
    this.rescaling = probe?.rescale.length
      ? { maxima: make('maxima', MAXIMA * 4), factors: make('factors', probe.rescale.length * FACTOR_BYTES) }
      : null;
  }

  get bytes(): number {
    return this.#owned.reduce((sum, buffer) => sum + buffer.size, 0);
  }

  /** Where a node's output is after a forward pass, or its gradient after a backward pass, if it is kept. */
  binding(kind: 'activation' | 'gradient', node: string): GPUBufferBinding {
    const key = kind === 'activation' ? activationKey(node) : gradientKey(node);
    const buffer = this.activations[this.placement.slots.get(key) ?? -1];
    if (!buffer) throw new Error(`no ${kind} of "${node}" is kept`);
    return values(buffer, this.#storage);
  }

  dispose(): void {
    for (const buffer of this.#owned) buffer.destroy();
  }
}
