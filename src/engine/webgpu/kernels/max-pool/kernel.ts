import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

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

/**
 * Window maximum of [images, inHeight, inWidth, channels]; `same` padding never wins. `winners` remembers which pixel of
 * the window (in reading order) gave it, the first of equals: one byte a channel. One thread a vec4 of output.
 */
export const maxPool = defineKernel({
  label: 'max-pool',
  buffers: {
    source: ['read', 'array<Stored>'],
    output: ['write', 'array<Stored>'],
    winners: ['write', 'array<u32>'],
  },
  shape: SHAPE,
  body: `${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.outWidth;
    let y = (pixel / shape.outWidth) % shape.outHeight;
    let image = pixel / (shape.outWidth * shape.outHeight);
    var best = vec4f(-3.4e38);
    var winner = vec4u(0);
    var ky = 0u;
    loop {
      let iy = i32(y * shape.stride + ky) - i32(shape.padTop);
      if (iy < 0 || iy >= i32(shape.inHeight)) { continue; }
      var kx = 0u;
      loop {
        let ix = i32(x * shape.stride + kx) - i32(shape.padLeft);
        if (ix < 0 || ix >= i32(shape.inWidth)) { continue; }
        let value = vec4f(source[((image * shape.inHeight + u32(iy)) * shape.inWidth + u32(ix)) * shape.vectors + c]);
        let better = value > best;
        best = select(best, value, better);
        winner = select(winner, vec4u(ky * shape.size + kx), better);
        continuing { kx += 1u; break if kx >= shape.size; }
      }
      continuing { ky += 1u; break if ky >= shape.size; }
    }
    output[i] = Stored(best);
    winners[i] = winner.x | (winner.y << 8u) | (winner.z << 16u) | (winner.w << 24u);
    ${gridNext('i', 'shape.count')}
  }
}`,
});

/**
 * Gradient of the maximum: goes to the pixel that won. Gathers, so nothing is added concurrently: one thread a vec4 of
 * input, over the windows that cover it.
 */
export const maxPoolGradient = defineKernel({
  label: 'max-pool-gradient',
  buffers: {
    winners: ['read', 'array<u32>'],
    gradient: ['read', 'array<Stored>'],
    sourceGradient: ['write', 'array<Stored>'],
  },
  shape: SHAPE,
  body: `${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.inWidth;
    let y = (pixel / shape.inWidth) % shape.inHeight;
    let image = pixel / (shape.inWidth * shape.inHeight);
    var sum = vec4f(0);
    // Windows that cover this pixel: those whose first row is at most y and last at least y, likewise columns.
    let lastY = min((y + shape.padTop) / shape.stride, shape.outHeight - 1u);
    let lastX = min((x + shape.padLeft) / shape.stride, shape.outWidth - 1u);
    for (var oy = i32(lastY); oy >= 0 && oy * i32(shape.stride) + i32(shape.size) > i32(y + shape.padTop); oy--) {
      for (var ox = i32(lastX); ox >= 0 && ox * i32(shape.stride) + i32(shape.size) > i32(x + shape.padLeft); ox--) {
        let at = ((image * shape.outHeight + u32(oy)) * shape.outWidth + u32(ox)) * shape.vectors + c;
        let place = (y + shape.padTop - u32(oy) * shape.stride) * shape.size + x + shape.padLeft - u32(ox) * shape.stride;
        let winner = (vec4u(winners[at]) >> vec4u(0, 8, 16, 24)) & vec4u(255);
        sum += select(vec4f(0), vec4f(gradient[at]), winner == vec4u(place));
      }
    }
    if (shape.accumulate != 0u) { sum += vec4f(sourceGradient[i]); }
    sourceGradient[i] = Stored(sum);
    ${gridNext('i', 'shape.count')}
  }
}`,
});
export type PoolShape = (typeof SHAPE)[number];
