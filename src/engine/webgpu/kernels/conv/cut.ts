/** How so many vec4s of channels are cut into blocks, one behind the other: the vec4s of each one's tile. The last may have idle ones. */
export type Cut = (vectors: number) => readonly number[];

/** All in tiles of one size. */
export const evenly =
  (size: number): Cut =>
  (vectors) =>
    Array.from({ length: Math.ceil(vectors / size) }, () => size);

/** The blocks of a cut: their first vec4 and the size of their tile. */
export function cutInto(cut: Cut, vectors: number): readonly { readonly first: number; readonly vectors: number }[] {
  let first = 0;
  return cut(vectors).map((size) => {
    const block = { first, vectors: size };
    first += size;
    return block;
  });
}

/** What a tile costs besides its vectors: loading the input, in vectors' worth of arithmetic (measured on SwiftShader). */
const LOAD_SHARE = 0.6;

/** What blocks of these sizes cost together, in vectors' worth of arithmetic. */
const costOf = (blocks: readonly number[]): number => blocks.reduce((sum, vectors) => sum + vectors + LOAD_SHARE, 0);

/** The first of the cheapest. */
const cheapest = <T>(candidates: readonly [T, ...T[]], cost: (candidate: T) => number): T =>
  candidates.reduce((best, candidate) => (cost(candidate) < cost(best) ? candidate : best));

/** The size that wastes least for a layer's width. */
export const bestVectors = (sizes: readonly number[], outVectors: number): number =>
  cheapest([sizes[0] ?? 1, ...sizes.slice(1)], (size) => costOf(evenly(size)(outVectors)));

/** Cuts channels into tiles of the size that wastes least; where sizes may be `mixed`, the last tile may be a smaller one. */
export function cutOf(sizes: readonly number[], mixed: boolean): Cut {
  return (vectors) => {
    const even = evenly(bestVectors(sizes, vectors))(vectors);
    if (!mixed) return even;
    const withRest = sizes.flatMap((size) => {
      const whole = evenly(size)(vectors - (vectors % size));
      return sizes.filter((rest) => rest >= vectors % size).map((rest) => [...whole, rest]);
    });
    return cheapest([even, ...withRest], costOf);
  };
}
