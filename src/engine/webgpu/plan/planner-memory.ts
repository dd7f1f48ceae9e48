import { shapesOf } from '../../../core/network/index.ts';
import { storageBuffer, values } from '../buffers.ts';
import type { StorageType } from '../../engine.ts';
import type { KernelSet } from '../kernel-set.ts';
import { storedBytes } from '../kernel.ts';
import type { Lease, SharedMemory } from '../shared-memory.ts';
import { type RescalingBuffers, type TrainingBuffers, stateOffsets } from './context.ts';
import { type Placement, activationKey, gradientKey, place } from './memory.ts';
import type { PlanOptions } from './plan.ts';
import { FACTOR_BYTES, MAXIMA } from '../kernels/rescale/kernel.ts';
import type { Room } from './room.ts';
import { partialBytes, transposedBytes } from './scratch.ts';
import { type UnitOptions, unitsOf } from './units.ts';

/**
 * The buffers whose sizes depend on the widths there is room for. States and coefficients of norms are the planner's own:
 * those of a norm that scales nothing are written once a plan, or stay zero. Everything else is written anew by every
 * pass and therefore shared by all trainers of an engine.
 */
export class PlannerMemory {
  readonly placement: Placement;
  readonly activations: readonly GPUBuffer[];
  readonly states: GPUBuffer;
  readonly discarded: GPUBuffer;
  readonly training: TrainingBuffers | null;
  readonly rescaling: RescalingBuffers | null;
  readonly #storage: StorageType;
  readonly #lease: Lease;

  constructor(
    shared: SharedMemory,
    readonly room: Room,
    options: PlanOptions,
    kernels: KernelSet,
    unitOptions: UnitOptions,
  ) {
    const { batch, mode, probe, arenas } = options;
    this.#storage = kernels.tuning.storage;
    this.placement = place(room, unitsOf(room.full, unitOptions), batch, mode === 'train', probe?.keep);
    const { capacities } = this.placement;
    const slots = slotNames(capacities, this.#storage);
    const states = stateOffsets(room).bytes;
    this.states = storageBuffer(shared.device, 'norm states', states);
    const winners = mode === 'train' ? winnerBytes(room, batch) : [];
    this.#lease = shared.lease(
      new Map([
        ...slots.map((name, slot) => [name, (capacities[slot] ?? 0) * storedBytes(this.#storage)] as const),
        ['discarded', states],
        ...winners.map(([, bytes], index) => [`winners ${index}`, bytes] as const),
        ...(mode === 'train'
          ? ([
              ['gradients of parameters', arenas.parameters.size],
              ['partial sums', partialBytes(room, batch, kernels.tuning)],
              ['transposed kernels', transposedBytes(room)],
            ] as const)
          : []),
        ...(probe?.rescale.length
          ? ([
              ['maxima', MAXIMA * 4],
              ['factors', probe.rescale.length * FACTOR_BYTES],
            ] as const)
          : []),
      ]),
    );
    const leased = (name: string): GPUBuffer => this.#lease.buffer(name);
    this.activations = slots.map(leased);
    this.discarded = leased('discarded');
    this.training =
      mode === 'train'
        ? {
            velocity: arenas.velocity,
            gradients: leased('gradients of parameters'),
            coefficients: storageBuffer(shared.device, 'norm coefficients', states),
            winners: new Map(winners.map(([pool], index) => [pool, leased(`winners ${index}`)])),
            partials: leased('partial sums'),
            transposed: leased('transposed kernels'),
          }
        : null;
    this.rescaling = probe?.rescale.length ? { maxima: leased('maxima'), factors: leased('factors') } : null;
  }

  /** Bytes that are not shared. */
  get ownBytes(): number {
    return this.states.size + (this.training?.coefficients.size ?? 0);
  }

  get shared(): readonly GPUBuffer[] {
    return this.#lease.buffers;
  }

  /** Whether another trainer has made larger buffers that this one could share. */
  get outgrown(): boolean {
    return this.#lease.outgrown;
  }

  /** Where a node's output is after a forward pass, or its gradient after a backward pass, if it is kept. */
  binding(kind: 'activation' | 'gradient', node: string): GPUBufferBinding {
    const key = kind === 'activation' ? activationKey(node) : gradientKey(node);
    const buffer = this.activations[this.placement.slots.get(key) ?? -1];
    if (!buffer) throw new Error(`no ${kind} of "${node}" is kept`);
    return values(buffer, this.#storage);
  }

  dispose(): void {
    this.states.destroy();
    this.training?.coefficients.destroy();
    this.#lease.dispose();
  }
}

/**
 * Names of the slots of a placement in the shared memory: by rank in size, so that the largest of each trainer is one
 * buffer. Types of storage do not mix, because their regions of zeros are of different lengths.
 */
function slotNames(capacities: readonly number[], storage: StorageType): readonly string[] {
  const bySize = [...capacities.keys()].sort((a, b) => (capacities[b] ?? 0) - (capacities[a] ?? 0));
  return capacities.map((_, slot) => `${storage} activation ${bySize.indexOf(slot)}`);
}

/** Bytes in which each max pooling remembers its winners. */
function winnerBytes(room: Room, batch: number): (readonly [string, number])[] {
  const shapes = shapesOf(room.full);
  return room.full.nodes.flatMap(({ id, op }) => {
    if (op !== 'maxPool') return [];
    const [height = 0, width = 0] = shapes.get(id) ?? [];
    return [[id, batch * height * width * room.vectors(id) * 4] as const];
  });
}
