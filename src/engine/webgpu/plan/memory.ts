import { shapesOf } from '../../../core/network/index.ts';
import { ZERO_VEC4S } from '../kernel.ts';
import type { Room } from './room.ts';
import { type Unit, readsOf } from './units.ts';

/**
 * Which buffer each activation and gradient lives in. Decided once, on the full-size network, so that a change of
 * structure allocates nothing: a narrower network uses the front of the same buffers.
 */
export interface Placement {
  /** Buffer index by tensor: `a:<node>` for activations, `g:<node>` for gradients. */
  readonly slots: ReadonlyMap<string, number>;
  /** Capacity of each buffer in vec4s, zero region included. */
  readonly capacities: readonly number[];
}

interface Lifetime {
  readonly tensor: string;
  readonly vectors: number;
  readonly from: number;
  readonly to: number;
}

export const activationKey = (node: string): string => `a:${node}`;
export const gradientKey = (node: string): string => `g:${node}`;

/** Vec4s of a node's activation for a batch. */
function activationVectors(room: Room, batch: number): ReadonlyMap<string, number> {
  return new Map(
    [...shapesOf(room.full)].map(([id, [height, width]]) => [id, batch * height * width * room.vectors(id)]),
  );
}

/**
 * Lifetimes overlap in one buffer never, sizes are matched best fit. `train` keeps activations for the way back. Outputs
 * of `keep` and their gradients live to the end.
 */
export function place(
  room: Room,
  units: readonly Unit[],
  batch: number,
  train: boolean,
  keep: ReadonlySet<string> = new Set(),
): Placement {
  const sizes = activationVectors(room, batch);
  const kept = new Set([...keep].flatMap((node) => [activationKey(node), gradientKey(node)]));
  const lifetimes = (train ? trainingLifetimes(units, sizes) : inferenceLifetimes(units, sizes)).map((lifetime) =>
    kept.has(lifetime.tensor) ? { ...lifetime, to: Infinity } : lifetime,
  );
  const buffers: { capacity: number; free: number }[] = [];
  const slots = new Map<string, number>();
  for (const { tensor, vectors, from, to } of lifetimes.sort((a, b) => a.from - b.from)) {
    const free = buffers.map((buffer, index) => ({ ...buffer, index })).filter((buffer) => buffer.free < from);
    const fitting = free.filter((buffer) => buffer.capacity >= vectors).sort((a, b) => a.capacity - b.capacity)[0];
    const largest = free.sort((a, b) => b.capacity - a.capacity)[0];
    const chosen = fitting ?? largest;
    const index = chosen?.index ?? buffers.length;
    buffers[index] = { capacity: Math.max(chosen?.capacity ?? 0, vectors), free: to };
    slots.set(tensor, index);
  }
  return { slots, capacities: buffers.map((buffer) => buffer.capacity + ZERO_VEC4S) };
}

/** Unit i runs forward at time i and backward at time 2n - i. */
function trainingLifetimes(units: readonly Unit[], sizes: ReadonlyMap<string, number>): Lifetime[] {
  const end = 2 * units.length;
  return units.flatMap((unit, index) => {
    const readers = units.flatMap((reader, at) => (readsOf(reader).includes(unit.output) ? [at] : []));
    const vectors = sizes.get(unit.output) ?? 0;
    return [
      { tensor: activationKey(unit.output), vectors, from: index, to: end - index },
      // The last reader is the first to write the gradient; the loss writes the classifier's.
      { tensor: gradientKey(unit.output), vectors, from: end - Math.max(index, ...readers), to: end - index },
    ];
  });
}

function inferenceLifetimes(units: readonly Unit[], sizes: ReadonlyMap<string, number>): Lifetime[] {
  return units.flatMap((unit, index) => {
    const readers = units.flatMap((reader, at) => (readsOf(reader).includes(unit.output) ? [at] : []));
    const to = readers.length === 0 ? units.length : Math.max(...readers);
    const activation = { tensor: activationKey(unit.output), vectors: sizes.get(unit.output) ?? 0, from: index, to };
    // The loss kernel writes a gradient in evaluation too; nobody reads it there.
    const gradient = { ...activation, tensor: gradientKey(unit.output), from: index };
    return readers.length === 0 ? [activation, gradient] : [activation];
  });
}
