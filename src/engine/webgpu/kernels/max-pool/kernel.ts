import { MAIN, defineKernel, gridStride } from '../../kernel.ts';

const SHAPE = [
  'outHeight',
  'outWidth',
  'inHeight',
  'inWidth',
  'vectors',
  'count',
  'size',
  'stride',
  'padTop',
  'padLeft',
  'accumulate',
] as const;

/** Window maximum of [images, inHeight, inWidth, channels]; `same` padding never wins. One thread a vec4 of output. */
export const maxPool = defineKernel({
  label: 'max-pool',
  buffers: { source: ['read', 'array<vec4f>'], output: ['write', 'array<vec4f>'] },
  shape: SHAPE,
  body: `${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.outWidth;
    let y = (pixel / shape.outWidth) % shape.outHeight;
    let image = pixel / (shape.outWidth * shape.outHeight);
    var best = vec4f(-3.4e38);
    for (var ky = 0u; ky < shape.size; ky++) {
      let iy = i32(y * shape.stride + ky) - i32(shape.padTop);
      if (iy < 0 || iy >= i32(shape.inHeight)) { continue; }
      for (var kx = 0u; kx < shape.size; kx++) {
        let ix = i32(x * shape.stride + kx) - i32(shape.padLeft);
        if (ix < 0 || ix >= i32(shape.inWidth)) { continue; }
        best = max(best, source[((image * shape.inHeight + u32(iy)) * shape.inWidth + u32(ix)) * shape.vectors + c]);
      }
    }
    output[i] = best;
  }
}`,
});

/**
 * Gradient of the maximum: goes to the first pixel of the window (in reading order) that holds it. Gathers, so nothing
 * is added concurrently: one thread a vec4 of input, over the windows that cover it.
 */
export const maxPoolGradient = defineKernel({
  label: 'max-pool-gradient',
  buffers: {
    source: ['read', 'array<vec4f>'],
    output: ['read', 'array<vec4f>'],
    gradient: ['read', 'array<vec4f>'],
    sourceGradient: ['write', 'array<vec4f>'],
  },
  shape: SHAPE,
  body: `
fn sourceAt(image: u32, y: u32, x: u32, c: u32) -> vec4f {
  return source[((image * shape.inHeight + y) * shape.inWidth + x) * shape.vectors + c];
}
${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.inWidth;
    let y = (pixel / shape.inWidth) % shape.inHeight;
    let image = pixel / (shape.inWidth * shape.inHeight);
    let value = source[i];
    var sum = vec4f(0);
    // Windows that cover this pixel: those whose first row is at most y and last at least y, likewise columns.
    let lastY = min((y + shape.padTop) / shape.stride, shape.outHeight - 1u);
    let lastX = min((x + shape.padLeft) / shape.stride, shape.outWidth - 1u);
    for (var oy = i32(lastY); oy >= 0 && oy * i32(shape.stride) + i32(shape.size) > i32(y + shape.padTop); oy--) {
      for (var ox = i32(lastX); ox >= 0 && ox * i32(shape.stride) + i32(shape.size) > i32(x + shape.padLeft); ox--) {
        let at = ((image * shape.outHeight + u32(oy)) * shape.outWidth + u32(ox)) * shape.vectors + c;
        var wins = value == output[at];
        // An equal value earlier in the window takes the gradient.
        let top = oy * i32(shape.stride) - i32(shape.padTop);
        let left = ox * i32(shape.stride) - i32(shape.padLeft);
        for (var wy = max(top, 0); wy <= i32(y); wy++) {
          let end = select(min(left + i32(shape.size), i32(shape.inWidth)), i32(x), wy == i32(y));
          for (var wx = max(left, 0); wx < end; wx++) {
            wins = wins & (sourceAt(image, u32(wy), u32(wx), c) < value);
          }
        }
        sum += select(vec4f(0), gradient[at], wins);
      }
    }
    if (shape.accumulate != 0u) { sum += sourceGradient[i]; }
    sourceGradient[i] = sum;
  }
}`,
});
export type PoolShape = (typeof SHAPE)[number];
