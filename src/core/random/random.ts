/**
 * Counter-based random numbers: the n-th number of a stream is a pure function of (seed, stream, counters), so nothing
 * depends on the order of draws, and a GPU kernel computes the same integers from the same counters.
 *
 * The generator is pcg4d (Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020): 32-bit integer
 * multiplications and shifts only, so that JavaScript and WGSL agree bit for bit.
 */
export type Random4 = readonly [number, number, number, number];

/** Streams keep apart draws that share a seed and a counter. Values are part of the reproducibility promise. */
export const STREAMS = { init: 1, order: 2, augment: 3, prune: 4, search: 5 } as const;
export type Stream = keyof typeof STREAMS;

/** Four uniform 32-bit unsigned integers for the counter (seed, stream, a, b). */
export function random4(seed: number, stream: Stream, a: number, b: number): Random4 {
  let x = (Math.imul(seed, 1664525) + 1013904223) | 0;
  let y = (Math.imul(STREAMS[stream], 1664525) + 1013904223) | 0;
  let z = (Math.imul(a, 1664525) + 1013904223) | 0;
  let w = (Math.imul(b, 1664525) + 1013904223) | 0;
  for (let round = 0; round < 2; round++) {
    x = (x + Math.imul(y, w)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    w = (w + Math.imul(y, z)) | 0;
    if (round === 0) {
      x ^= x >>> 16;
      y ^= y >>> 16;
      z ^= z >>> 16;
      w ^= w >>> 16;
    }
  }
  return [x >>> 0, y >>> 0, z >>> 0, w >>> 0];
}

/** The same generator in WGSL: `random4(seed, stream, a, b) -> vec4u`. */
export const RANDOM4_WGSL = /* wgsl */ `
fn random4(seed: u32, stream: u32, a: u32, b: u32) -> vec4u {
  var v = vec4u(seed, stream, a, b) * 1664525u + 1013904223u;
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  v ^= v >> vec4u(16u);
  v.x += v.y * v.w; v.y += v.z * v.x; v.z += v.x * v.y; v.w += v.y * v.z;
  return v;
}
`;

/** Uniform double in the open interval (0, 1) from a 32-bit integer: never 0 or 1, so that logarithms are finite. */
export const toUnit = (bits: number): number => (bits + 0.5) / 4294967296;

/** How a step moves and mirrors one image of its batch. Shifts are in pixels, -padding to +padding. */
export interface Augmentation {
  readonly dx: number;
  readonly dy: number;
  readonly flip: boolean;
}

/** Crop shift and flip of image `slot` of the batch of `step`. The engines' kernels compute exactly this. */
export function augmentation(seed: number, step: number, slot: number, padding: number): Augmentation {
  const [x, y, flip] = random4(seed, 'augment', step, slot);
  const span = 2 * padding + 1;
  return { dx: ((x >>> 8) % span) - padding, dy: ((y >>> 8) % span) - padding, flip: flip >>> 31 === 1 };
}

/** Fisher-Yates shuffle in place, from the stream's counters (a, 0), (a, 1), ... */
export function shuffle(values: Uint32Array<ArrayBuffer>, seed: number, stream: Stream, a: number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const [bits] = random4(seed, stream, a, i);
    const j = Math.floor(toUnit(bits) * (i + 1));
    const moved = values[i] ?? 0;
    values[i] = values[j] ?? 0;
    values[j] = moved;
  }
}

/** Two independent standard normal numbers for a counter (Box-Muller). */
export function normal2(seed: number, stream: Stream, a: number, b: number): readonly [number, number] {
  const [u, v] = random4(seed, stream, a, b);
  const radius = Math.sqrt(-2 * Math.log(toUnit(u)));
  const angle = 2 * Math.PI * toUnit(v);
  return [radius * Math.cos(angle), radius * Math.sin(angle)];
}
