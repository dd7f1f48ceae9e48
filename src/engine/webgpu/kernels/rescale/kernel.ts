import { type Grid, MAIN, WORKGROUP, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/** Parts in which the largest magnitude of an activation is sought: a thread each. */
export const MAXIMA = 4 * WORKGROUP;
export const MAXIMA_GRID: Grid = [MAXIMA / WORKGROUP, 1, 1];
/** Bytes of an activation's factor: a vec4f, see `rescaleFactor`. */
export const FACTOR_BYTES = 16;

/**
 * Largest magnitude of each part of an activation, as bits: without their signs floats are in the order of their bits,
 * infinities and NaN above all finite ones.
 */
export const largestParts = defineKernel({
  label: 'largest-parts',
  buffers: { values: ['read', 'array<vec4u>'], maxima: ['write', 'array<u32>'] },
  shape: ['size'],
  body: `${MAIN} {
  var largest = vec4u(0);
  for (var i = id.x; i < shape.size; i += groups.x * ${WORKGROUP}u) { largest = max(largest, values[i] & vec4u(0x7fffffffu)); }
  maxima[id.x] = max(max(largest.x, largest.y), max(largest.z, largest.w));
}`,
});

/**
 * The factor 2^-e of an activation: e is the base-2 logarithm of its largest magnitude, rounded and within -126 to 127, or
 * 0 when that is 0 or not finite. 2^-127 is no normal number, so a factor is two: (2^-half, 2^-(e - half), e).
 */
export const rescaleFactor = defineKernel({
  label: 'rescale-factor',
  buffers: { maxima: ['read', 'array<u32>'], factors: ['write', 'array<vec4f>'] },
  shape: ['index'],
  body: `fn powerOfTwo(exponent: i32) -> f32 { return bitcast<f32>(u32(exponent + 127) << 23u); }

@compute @workgroup_size(1)
fn main() {
  var largest = 0u;
  for (var part = 0u; part < ${MAXIMA}u; part++) { largest = max(largest, maxima[part]); }
  // The logarithm is rounded up where the mantissa is above the square root of 2, whose bits are 0x3fb504f3.
  let up = select(0, 1, (largest & 0x7fffffu) > 0x3504f3u);
  let nearest = clamp(i32(largest >> 23u) - 127 + up, -126, 127);
  let e = select(nearest, 0, largest == 0u || largest >= 0x7f800000u);
  let half = e / 2;
  factors[shape.index] = vec4f(powerOfTwo(-half), powerOfTwo(half - e), f32(e), 0);
}`,
});

/** Multiplies an activation, or the gradient there, by a factor. */
export const rescale = defineKernel({
  label: 'rescale',
  buffers: { factors: ['read', 'array<vec4f>'], values: ['write', 'array<vec4f>'] },
  shape: ['size', 'index'],
  body: `${MAIN} {
  let factor = factors[shape.index];
  ${gridStride('i', 'shape.size')} {
    values[i] = values[i] * factor.x * factor.y;
    ${gridNext('i', 'shape.size')}
  }
}`,
});
