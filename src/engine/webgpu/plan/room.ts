import { type Network, shapesOf } from '../../../core/network/index.ts';
import { vec4s } from '../kernel.ts';
import type { ArenaLayout } from '../layout.ts';

/**
 * Vec4s of channels that the buffers of a planner have room for, by node: the full-size network's, so that a change of
 * structure allocates nothing. Only strided sparsity can need more, when its classes of source maps are padded; the
 * buffers are then made anew.
 */
export class Room {
  readonly #vectors: ReadonlyMap<string, number>;

  private constructor(
    readonly full: Network,
    vectors: ReadonlyMap<string, number>,
  ) {
    this.#vectors = vectors;
  }

  static of(full: Network): Room {
    return new Room(full, new Map([...shapesOf(full)].map(([id, [, , channels]]) => [id, vec4s(channels)])));
  }

  vectors(node: string): number {
    return this.#vectors.get(node) ?? 0;
  }

  /** This room when a layout fits, else a larger one. */
  fitting(layout: ArenaLayout): Room {
    const grown = new Map(
      [...this.#vectors].map(([id, vectors]) => [id, Math.max(vectors, layout.channels.of(id).vectors)]),
    );
    return [...grown].every(([id, vectors]) => vectors === this.vectors(id)) ? this : new Room(this.full, grown);
  }
}
