import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/** [images, area, channels] to [images, channels]: the mean over the area. One thread a vec4 of output. */
export const globalAverage = defineKernel({
  label: 'global-average',
  buffers: { source: ['read', 'array<Stored>'], output: ['write', 'array<Stored>'] },
  shape: ['images', 'area', 'vectors'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.images * shape.vectors')} {
    let base = (i / shape.vectors) * shape.area * shape.vectors + i % shape.vectors;
    var sum = vec4f(0);
    for (var pixel = 0u; pixel < shape.area; pixel++) {
      sum += vec4f(source[base + pixel * shape.vectors]);
    }
    output[i] = Stored(sum / f32(shape.area));
    ${gridNext('i', 'shape.images * shape.vectors')}
  }
}`,
});

/** Spreads each image's gradient evenly over the area; adds to what is there when `accumulate` is 1. */
export const globalAverageGradient = defineKernel({
  label: 'global-average-gradient',
  buffers: { gradient: ['read', 'array<Stored>'], sourceGradient: ['write', 'array<Stored>'] },
  shape: ['images', 'area', 'vectors', 'accumulate'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.images * shape.area * shape.vectors')} {
    let image = i / (shape.area * shape.vectors);
    var value = vec4f(gradient[image * shape.vectors + i % shape.vectors]) / f32(shape.area);
    if (shape.accumulate != 0u) { value += vec4f(sourceGradient[i]); }
    sourceGradient[i] = Stored(value);
    ${gridNext('i', 'shape.images * shape.area * shape.vectors')}
  }
}`,
});
