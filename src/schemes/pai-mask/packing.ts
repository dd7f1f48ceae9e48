import { packBits, unpackBits } from '../../core/sparsity/index.ts';
import type { Masks } from '../shared/scores/index.ts';

/** Masks as plain JSON: by kernel, how many entries there are and their bits in base64, eight to a byte. */
export type PackedMasks = Readonly<Record<string, { readonly entries: number; readonly bits: string }>>;

export const packMasks = (masks: Masks): PackedMasks =>
  Object.fromEntries([...masks].map(([name, mask]) => [name, { entries: mask.length, bits: packBits(mask).bits }]));

export const unpackMasks = (packed: PackedMasks): Masks =>
  new Map(
    Object.entries(packed).map(([name, { entries, bits }]) => [
      name,
      Float32Array.from(unpackBits({ count: entries, bits })),
    ]),
  );
