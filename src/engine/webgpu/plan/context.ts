import { type Network, type Shape, shapesOf } from '../../../core/network/index.ts';
import { values, withZeros } from '../buffers.ts';
import type { KernelSet } from '../kernel-set.ts';
import { vec4s } from '../kernel.ts';
import type { ArenaLayout } from '../layout.ts';
import { type Placement, activationKey, gradientKey } from './memory.ts';
import type { Recorder } from './recorder.ts';
import { type Unit, unitsOf } from './units.ts';

/** The buffers a plan's dispatches are bound to. Those for training are missing in a plan that only infers. */
export interface PlanBuffers {
  readonly activations: readonly GPUBuffer[];
  readonly parameters: GPUBuffer;
  readonly running: GPUBuffer;
  /** Scale, shift, mean and 1/deviation of every norm. */
  readonly states: GPUBuffer;
  readonly labels: GPUBuffer;
  readonly outcome: GPUBuffer;
  readonly metrics: GPUBuffer;
  readonly training: TrainingBuffers | null;
}

export interface TrainingBuffers {
  readonly velocity: GPUBuffer;
  readonly gradients: GPUBuffer;
  /** Coefficients of the norms' gradients. */
  readonly coefficients: GPUBuffer;
  /** Scratch of one unit at a time: partial sums and a transposed kernel. */
  readonly partials: GPUBuffer;
  readonly transposed: GPUBuffer;
}

/** A unit's vec4s of channels, pixels over the batch and shape. */
export interface Extent {
  readonly shape: Shape;
  readonly vectors: number;
  readonly pixels: number;
  /** Vec4s of the whole activation. */
  readonly size: number;
}

/** Cost of moving one vec4 through an elementwise kernel, in multiply-adds of a convolution (measured on SwiftShader). */
export const ELEMENTWISE_COST = 40;

/** What forward and backward recording share: shapes, bindings, slots. */
export class PlanContext {
  readonly units: readonly Unit[];
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #stateOffsets: ReadonlyMap<string, number>;

  constructor(
    readonly network: Network,
    readonly full: Network,
    readonly batch: number,
    readonly kernels: KernelSet,
    readonly layout: ArenaLayout,
    readonly placement: Placement,
    readonly buffers: PlanBuffers,
    readonly recorder: Recorder,
  ) {
    this.units = unitsOf(network);
    this.#shapes = shapesOf(network);
    this.#stateOffsets = stateOffsets(full).offsets;
  }

  extent(node: string): Extent {
    const shape = this.#shapes.get(node);
    if (!shape) throw new Error(`plan: no node is called "${node}"`);
    const vectors = vec4s(shape[2]);
    const pixels = this.batch * shape[0] * shape[1];
    return { shape, vectors, pixels, size: pixels * vectors };
  }

  #buffer(key: string): GPUBuffer {
    const buffer = this.buffers.activations[this.placement.slots.get(key) ?? -1];
    if (!buffer) throw new Error(`plan: tensor ${key} has no buffer`);
    return buffer;
  }

  activation(node: string): GPUBufferBinding {
    return values(this.#buffer(activationKey(node)));
  }
  /** With the zero region in front, for convolutions that read padding. */
  paddedActivation(node: string): GPUBufferBinding {
    return withZeros(this.#buffer(activationKey(node)));
  }
  gradient(node: string): GPUBufferBinding {
    return values(this.#buffer(gradientKey(node)));
  }
  paddedGradient(node: string): GPUBufferBinding {
    return withZeros(this.#buffer(gradientKey(node)));
  }

  get training(): TrainingBuffers {
    const { training } = this.buffers;
    if (!training) throw new Error('plan: this plan has no buffers for training');
    return training;
  }

  /** A parameter, its gradient or a running statistic, bound from an arena. */
  slice(arena: GPUBuffer, name: string): GPUBufferBinding {
    const slice = this.layout.slices.get(name);
    if (!slice) throw new Error(`plan: no tensor is called "${name}"`);
    return { buffer: arena, offset: slice.offset * 4, size: slice.size * 4 };
  }

  /** Scale, shift, mean and 1/deviation of the norm that makes `output`. */
  state(output: string): GPUBufferBinding {
    return { buffer: this.buffers.states, offset: this.#offset(output), size: this.extent(output).vectors * 64 };
  }
  coefficients(output: string): GPUBufferBinding {
    return { buffer: this.training.coefficients, offset: this.#offset(output), size: this.extent(output).vectors * 32 };
  }
  #offset(output: string): number {
    return this.#stateOffsets.get(output) ?? 0;
  }

  /** Parts into which channel sums over `pixels` are split. */
  parts(pixels: number, vectors: number): number {
    return Math.max(1, Math.min(pixels, Math.ceil(this.kernels.tuning.threads / 4 / vectors)));
  }
}

/** Where each norm's state lies, at full width so that offsets never move; and the bytes of all of them. */
export function stateOffsets(full: Network): { offsets: ReadonlyMap<string, number>; bytes: number } {
  const shapes = shapesOf(full);
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const unit of unitsOf(full)) {
    if (unit.kind !== 'norm') continue;
    offsets.set(unit.output, bytes);
    bytes += Math.ceil(vec4s(shapes.get(unit.output)?.[2] ?? 1) / 4) * 256;
  }
  return { offsets, bytes: Math.max(bytes, 256) };
}
