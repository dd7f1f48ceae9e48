import type { StorageType } from '../engine.ts';

/** Values of an activation that was read from the GPU. */
export const floatsOf = (bytes: ArrayBuffer, storage: StorageType): Float32Array =>
  storage === 'f16' ? Float32Array.from(new Uint16Array(bytes), fromHalf) : new Float32Array(bytes);

/** The number that 16 bits of an f16 stand for, exactly. (`Float16Array` is missing in older browsers and in Node 20.) */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (0x400 + fraction) * 2 ** (exponent - 25);
}
