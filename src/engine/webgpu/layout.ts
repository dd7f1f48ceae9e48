import {
  type Network,
  type ParameterSpec,
  type Shape,
  type Tensors,
  decayed,
  parametersOf,
  shapesOf,
  trained,
} from '../../core/network/index.ts';
import { vec4s } from './kernel.ts';

/** Where one tensor of the running network lies in its arena, channels padded with zeros to vec4s. */
export interface Slice {
  readonly spec: ParameterSpec;
  readonly axes: Axes;
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

/** How a tensor's axes lie in its slice: [outer, inner, outputs], the last two padded to vec4s where they are channels. */
interface Axes {
  readonly outer: number;
  readonly inner: number;
  readonly paddedInner: number;
  readonly outputs: number;
}

function axesOf(network: Network, spec: ParameterSpec): Axes {
  const [last = 1, inputs = 1, ...taps] = [...spec.shape].reverse();
  const outer = taps.reduce((a, b) => a * b, 1);
  const node = network.nodes.find(({ id }) => id === spec.node);
  // One kernel a channel, [k, k, channels, 1]: the channels are what is padded.
  if (node?.op === 'depthwiseConv') return { outer, inner: 1, paddedInner: 1, outputs: inputs };
  if (spec.shape.length === 1) return { outer: 1, inner: 1, paddedInner: 1, outputs: last };
  if (node?.op === 'dense') {
    const [height, width, channels] = flattenedShape(network, node.input);
    return { outer: height * width, inner: channels, paddedInner: vec4s(channels) * 4, outputs: last };
  }
  return { outer, inner: inputs, paddedInner: vec4s(inputs) * 4, outputs: last };
}

/** Shape of what a dense layer reads, before a flatten. */
function flattenedShape(network: Network, id: string): Shape {
  const node = network.nodes.find((candidate) => candidate.id === id);
  return node?.op === 'flatten' ? flattenedShape(network, node.input) : (shapesOf(network).get(id) ?? [1, 1, 1]);
}

export function layOut(network: Network): ArenaLayout {
  const slices = new Map<string, Slice>();
  const place = (specs: readonly ParameterSpec[], start: number): number => {
    let offset = start;
    for (const spec of specs) {
      const axes = axesOf(network, spec);
      const size = axes.outer * axes.paddedInner * vec4s(axes.outputs) * 4;
      slices.set(spec.name, { spec, axes, offset, size });
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
function forEachPadded({ axes }: Slice, visit: (index: number, padded: number) => void): void {
  const { outer, inner, paddedInner, outputs } = axes;
  const paddedOutputs = vec4s(outputs) * 4;
  let index = 0;
  for (let group = 0; group < outer; group++) {
    for (let input = 0; input < inner; input++) {
      const row = (group * paddedInner + input) * paddedOutputs;
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
    forEachPadded(slice, (index, padded) => (arena[slice.offset + padded] = values[index] ?? 0));
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
    forEachPadded(slice, (index, padded) => (values[index] = arena[slice.offset + padded] ?? 0));
    tensors.set(name, values);
  }
  return tensors;
}
