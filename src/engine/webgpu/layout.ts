import {
  type Network,
  type ParameterSpec,
  type Tensors,
  decayed,
  parametersOf,
  trained,
} from '../../core/network/index.ts';
import { vec4s } from './kernel.ts';

/** Where one tensor of the running network lies in its arena, channels padded with zeros to vec4s. */
export interface Slice {
  readonly spec: ParameterSpec;
  /** In floats; a multiple of 64, so that it can be bound on its own. */
  readonly offset: number;
  /** Padded size in floats. */
  readonly size: number;
}

/**
 * The two arenas of a running network: `trained` (parameters; momentum and gradients have the same layout) with all
 * decayed tensors first, and `running` (BN statistics).
 */
export interface ArenaLayout {
  readonly slices: ReadonlyMap<string, Slice>;
  readonly trainedSize: number;
  readonly decayEnd: number;
  readonly runningSize: number;
}

const ALIGNMENT = 64;
const aligned = (size: number): number => Math.ceil(size / ALIGNMENT) * ALIGNMENT;

/** Rows of the padded tensor: everything but the last axis, input channels padded. */
function paddedRows(shape: readonly number[]): number {
  const [inputs = 1, ...taps] = shape.slice(0, -1).reverse();
  return shape.length === 1 ? 1 : taps.reduce((a, b) => a * b, 1) * vec4s(inputs) * 4;
}

export function layOut(network: Network): ArenaLayout {
  const slices = new Map<string, Slice>();
  const place = (specs: readonly ParameterSpec[], start: number): number => {
    let offset = start;
    for (const spec of specs) {
      const size = paddedRows(spec.shape) * vec4s(spec.shape.at(-1) ?? 1) * 4;
      slices.set(spec.name, { spec, offset, size });
      offset += aligned(size);
    }
    return offset;
  };
  const specs = parametersOf(network);
  const decayEnd = place(
    specs.filter((spec) => decayed(spec.role)),
    0,
  );
  const trainedSize = place(
    specs.filter((spec) => trained(spec.role) && !decayed(spec.role)),
    decayEnd,
  );
  const runningSize = place(
    specs.filter((spec) => !trained(spec.role)),
    0,
  );
  return { slices, trainedSize, decayEnd, runningSize: Math.max(runningSize, ALIGNMENT) };
}

/** Visits the entries of a tensor as (index in the tensor, index in the padded slice). */
function forEachPadded(spec: ParameterSpec, visit: (index: number, padded: number) => void): void {
  const outputs = spec.shape.at(-1) ?? 1;
  const inputs = spec.shape.at(-2) ?? 1;
  const paddedOutputs = vec4s(outputs) * 4;
  const paddedInputs = vec4s(inputs) * 4;
  const taps = spec.shape.slice(0, -2).reduce((a, b) => a * b, 1);
  let index = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let input = 0; input < inputs; input++) {
      const row = (tap * paddedInputs + input) * paddedOutputs;
      for (let output = 0; output < outputs; output++) visit(index++, row + output);
    }
  }
}

/** Copies tensors of the running network into an arena; padding stays zero. Tensors of the other arena are skipped. */
export function pack(layout: ArenaLayout, tensors: Tensors, kind: 'trained' | 'running'): Float32Array<ArrayBuffer> {
  const arena = new Float32Array(kind === 'trained' ? layout.trainedSize : layout.runningSize);
  for (const [name, values] of tensors) {
    const slice = layout.slices.get(name);
    if (!slice || trained(slice.spec.role) !== (kind === 'trained')) continue;
    forEachPadded(slice.spec, (index, padded) => (arena[slice.offset + padded] = values[index] ?? 0));
  }
  return arena;
}

/** The tensors of an arena, without padding. */
export function unpack(
  layout: ArenaLayout,
  arena: Float32Array,
  kind: 'trained' | 'running',
): Map<string, Float32Array> {
  const tensors = new Map<string, Float32Array>();
  for (const [name, slice] of layout.slices) {
    if (trained(slice.spec.role) !== (kind === 'trained')) continue;
    const values = new Float32Array(slice.spec.shape.reduce((a, b) => a * b, 1));
    forEachPadded(slice.spec, (index, padded) => (values[index] = arena[slice.offset + padded] ?? 0));
    tensors.set(name, values);
  }
  return tensors;
}
