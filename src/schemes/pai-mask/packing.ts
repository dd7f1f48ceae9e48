import type { Masks } from '../shared/scores/index.ts';

/** Masks as plain JSON: by kernel, how many entries there are and their bits in base64, eight to a byte. */
export type PackedMasks = Readonly<Record<string, { readonly entries: number; readonly bits: string }>>;

export const packMasks = (masks: Masks): PackedMasks =>
  Object.fromEntries([...masks].map(([name, mask]) => [name, { entries: mask.length, bits: toBase64(bitsOf(mask)) }]));

export const unpackMasks = (packed: PackedMasks): Masks =>
  new Map(
    Object.entries(packed).map(([name, { entries, bits }]) => {
      const bytes = atob(bits);
      return [name, Float32Array.from({ length: entries }, (_, i) => (bytes.charCodeAt(i >>> 3) >>> (i & 7)) & 1)];
    }),
  );

function bitsOf(mask: Float32Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(mask.length / 8));
  mask.forEach((entry, i) => (bytes[i >>> 3] = (bytes[i >>> 3] ?? 0) | (entry << (i & 7))));
  return bytes;
}

const toBase64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
