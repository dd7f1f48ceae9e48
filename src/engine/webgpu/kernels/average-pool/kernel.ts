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
export type AveragePoolField = (typeof SHAPE)[number];

/** Rows (or columns) of a window that lie inside: first and one past the last, as i32. */
const WINDOW = `
fn first(out: u32, stride: u32, pad: u32) -> u32 { return u32(max(i32(out * stride) - i32(pad), 0)); }
fn end(out: u32, stride: u32, pad: u32, size: u32, limit: u32) -> u32 { return min(out * stride + size - pad, limit); }
`;

/** Mean over the pixels of a window that exist, `same` padding. One thread a vec4 of output. */
export const averagePool = defineKernel({
  label: 'average-pool',
  buffers: { source: ['read', 'array<Stored>'], output: ['write', 'array<Stored>'] },
  shape: SHAPE,
  body: `${WINDOW}
${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.outWidth;
    let y = (pixel / shape.outWidth) % shape.outHeight;
    let image = pixel / (shape.outWidth * shape.outHeight);
    let top = first(y, shape.stride, shape.padTop);
    let bottom = end(y, shape.stride, shape.padTop, shape.size, shape.inHeight);
    let left = first(x, shape.stride, shape.padLeft);
    let right = end(x, shape.stride, shape.padLeft, shape.size, shape.inWidth);
    var sum = vec4f(0);
    var iy = top;
    loop {
      var ix = left;
      loop {
        sum += vec4f(source[((image * shape.inHeight + iy) * shape.inWidth + ix) * shape.vectors + c]);
        continuing { ix += 1u; break if ix >= right; }
      }
      continuing { iy += 1u; break if iy >= bottom; }
    }
    output[i] = Stored(sum / f32((bottom - top) * (right - left)));
    ${gridNext('i', 'shape.count')}
  }
}`,
});

/** Spreads each window's gradient over its pixels; gathers: one thread a vec4 of input over the windows that cover it. */
export const averagePoolGradient = defineKernel({
  label: 'average-pool-gradient',
  buffers: { gradient: ['read', 'array<Stored>'], sourceGradient: ['write', 'array<Stored>'] },
  shape: SHAPE,
  body: `${WINDOW}
${MAIN} {
  ${gridStride('i', 'shape.count')} {
    let c = i % shape.vectors;
    let pixel = i / shape.vectors;
    let x = pixel % shape.inWidth;
    let y = (pixel / shape.inWidth) % shape.inHeight;
    let image = pixel / (shape.inWidth * shape.inHeight);
    var sum = vec4f(0);
    let lastY = min((y + shape.padTop) / shape.stride, shape.outHeight - 1u);
    let lastX = min((x + shape.padLeft) / shape.stride, shape.outWidth - 1u);
    for (var oy = i32(lastY); oy >= 0 && oy * i32(shape.stride) + i32(shape.size) > i32(y + shape.padTop); oy--) {
      let rows = end(u32(oy), shape.stride, shape.padTop, shape.size, shape.inHeight) - first(u32(oy), shape.stride, shape.padTop);
      for (var ox = i32(lastX); ox >= 0 && ox * i32(shape.stride) + i32(shape.size) > i32(x + shape.padLeft); ox--) {
        let columns = end(u32(ox), shape.stride, shape.padLeft, shape.size, shape.inWidth) - first(u32(ox), shape.stride, shape.padLeft);
        let at = ((image * shape.outHeight + u32(oy)) * shape.outWidth + u32(ox)) * shape.vectors + c;
        sum += vec4f(gradient[at]) / f32(rows * columns);
      }
    }
    if (shape.accumulate != 0u) { sum += vec4f(sourceGradient[i]); }
    sourceGradient[i] = Stored(sum);
    ${gridNext('i', 'shape.count')}
  }
}`,
});
