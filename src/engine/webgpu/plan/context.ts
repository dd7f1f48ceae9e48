import { type Network, type Shape, shapesOf } from '../../../core/network/index.ts';
import { values, withZeros } from '../buffers.ts';
import type { KernelSet } from '../kernel-set.ts';
import type { TapClass } from '../channels.ts';
import type { ArenaLayout } from '../layout.ts';
import { type Placement, activationKey, gradientKey } from './memory.ts';
import type { ProbeOptions } from './probe-options.ts';
import type { Recorder } from './recorder.ts';
import type { Room } from './room.ts';
import { type NormUnit, type Unit, type UnitOptions, unitsOf } from './units.ts';

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
  /** Written by kernels that have a result nobody wants. */
  readonly discarded: GPUBuffer;
  readonly training: TrainingBuffers | null;
  readonly rescaling: RescalingBuffers | null;
}

export interface TrainingBuffers {
  readonly velocity: GPUBuffer;
  readonly gradients: GPUBuffer;
  /** Coefficients of the norms' gradients. */
  readonly coefficients: GPUBuffer;
  /** Partial sums of one unit at a time. */
  readonly partials: GPUBuffer;
  /** By max pooling: which pixel of each window won. */
  readonly winners: ReadonlyMap<string, GPUBuffer>;
  /** Kernels of all layers as the input gradients read them. */
  readonly transposed: GPUBuffer;
}

/** What a probe that rescales activations needs. */
export interface RescalingBuffers {
  /** Largest magnitudes of one activation, in parts. */
  readonly maxima: GPUBuffer;
  /** By place in `ProbeOptions.rescale`, see kernels/rescale. */
  readonly factors: GPUBuffer;
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
export const ELEMENTWISE_COST = 80;

/** What forward and backward recording share: shapes, bindings, slots. */
export class PlanContext {
  readonly units: readonly Unit[];
  readonly #shapes: ReadonlyMap<string, Shape>;
  readonly #stateOffsets: ReadonlyMap<string, number>;

  constructor(
    readonly network: Network,
    room: Room,
    readonly batch: number,
    readonly kernels: KernelSet,
    readonly layout: ArenaLayout,
    readonly placement: Placement,
    readonly buffers: PlanBuffers,
    readonly recorder: Recorder,
    unitOptions: UnitOptions,
    readonly probe?: ProbeOptions,
  ) {
    this.units = unitsOf(network, unitOptions);
    this.#shapes = shapesOf(network);
    this.#stateOffsets = stateOffsets(room).offsets;
  }

  extent(node: string): Extent {
    const shape = this.#shapes.get(node);
    if (!shape) throw new Error(`plan: no node is called "${node}"`);
    const { vectors } = this.layout.channels.of(node);
    const pixels = this.batch * shape[0] * shape[1];
    return { shape, vectors, pixels, size: pixels * vectors };
  }

  /** Classes of source maps of a convolution that keeps only some taps; null when it is dense. */
  tapClasses(conv: string): readonly TapClass[] | null {
    return this.layout.channels.classes(conv);
  }

  /** Whether a node's channels lie one behind the other, padding at the end only. */
  contiguous(node: string): boolean {
    return this.layout.channels.of(node).places === null;
  }

  #buffer(key: string): GPUBuffer {
    const buffer = this.buffers.activations[this.placement.slots.get(key) ?? -1];
    if (!buffer) throw new Error(`plan: tensor ${key} has no buffer`);
    return buffer;
  }

  activation(node: string): GPUBufferBinding {
    return values(this.#buffer(activationKey(node)), this.recorder.storage);
  }
  /** With the zero region in front, for convolutions that read padding. */
  paddedActivation(node: string): GPUBufferBinding {
    return withZeros(this.#buffer(activationKey(node)));
  }
  gradient(node: string): GPUBufferBinding {
    return values(this.#buffer(gradientKey(node)), this.recorder.storage);
  }
  paddedGradient(node: string): GPUBufferBinding {
    return withZeros(this.#buffer(gradientKey(node)));
  }

  get training(): TrainingBuffers {
    const { training } = this.buffers;
    if (!training) throw new Error('plan: this plan has no buffers for training');
    return training;
  }

  get discarded(): GPUBufferBinding {
    return { buffer: this.buffers.discarded };
  }

  /** Place of the factor by which a node's output is rescaled, or -1. */
  rescaled(node: string): number {
    return this.probe?.rescale.indexOf(node) ?? -1;
  }

  get rescaling(): RescalingBuffers {
    const { rescaling } = this.buffers;
    if (!rescaling) throw new Error('plan: this plan has no buffers for rescaling');
    return rescaling;
  }

  /** Where a max pooling remembers its winners; inference forgets them. */
  winners(pool: string): GPUBufferBinding {
    const buffer = this.buffers.training?.winners.get(pool);
    return buffer ? { buffer } : this.discarded;
  }

  /** A parameter, its gradient or a running statistic, bound from an arena. */
  slice(arena: GPUBuffer, name: string): GPUBufferBinding {
    const slice = this.layout.slices.get(name);
    if (!slice) throw new Error(`plan: no tensor is called "${name}"`);
    return { buffer: arena, offset: slice.offset * 4, size: slice.size * 4 };
  }

  /** Scale, shift, mean and 1/deviation of a norm over `vectors` vec4s of channels. */
  state(norm: NormKey, vectors: number): GPUBufferBinding {
    return { buffer: this.buffers.states, offset: this.#offset(norm), size: vectors * 64 };
  }
  coefficients(norm: NormKey, vectors: number): GPUBufferBinding {
    return { buffer: this.training.coefficients, offset: this.#offset(norm), size: vectors * 32 };
  }
  #offset(norm: NormKey): number {
    return this.#stateOffsets.get(stateKey(norm)) ?? 0;
  }

  /** Parts into which channel sums over `pixels` are split. */
  parts(pixels: number, vectors: number): number {
    return Math.max(1, Math.min(pixels, Math.ceil(this.kernels.tuning.threads / 4 / vectors)));
  }
}

/** What a norm's state is found by: its batch norm or gate, or its output when it scales nothing. */
export type NormKey = Pick<NormUnit, 'batchNorm' | 'gate' | 'output'>;
const stateKey = ({ batchNorm, gate, output }: NormKey): string => batchNorm ?? gate ?? output;
const SCALING: readonly string[] = ['batchNorm', 'gate', 'add', 'relu', 'relu6'];

/** Where each norm's state lies, at full width so that offsets never move; and the bytes of all of them. */
export function stateOffsets(room: Room): { offsets: ReadonlyMap<string, number>; bytes: number } {
  const offsets = new Map<string, number>();
  let bytes = 256;
  for (const node of room.full.nodes) {
    if (!SCALING.includes(node.op)) continue;
    offsets.set(node.id, bytes);
    bytes += Math.ceil(room.vectors(node.id) / 4) * 256;
  }
  return { offsets, bytes };
}
