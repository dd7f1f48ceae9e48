import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/** [images, area, channels] to [images, channels]: the mean over the area. One thread a vec4 of output. */
export const globalAverage = defineKernel({
  label: 'global-average',
  buffers: { source: ['read', 'array<vec4f>'], output: ['write', 'array<vec4f>'] },
  shape: ['images', 'area', 'vectors'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.images * shape.vectors')} {
    let base = (i / shape.vectors) * shape.area * shape.vectors + i % shape.vectors;
    var sum = vec4f(0);
    for (var pixel = 0u; pixel < shape.area; pixel++) {
      sum += source[base + pixel * shape.vectors];
    }
    output[i] = sum / f32(shape.area);
    ${gridNext('i', 'shape.images * shape.vectors')}
  }
}`,
});

/** Spreads each image's gradient evenly over the area; adds to what is there when `accumulate` is 1. */
export const globalAverageGradient = defineKernel({
  label: 'global-average-gradient',
  buffers: { gradient: ['read', 'array<vec4f>'], sourceGradient: ['write', 'array<vec4f>'] },
  shape: ['images', 'area', 'vectors', 'accumulate'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.images * shape.area * shape.vectors')} {
    let image = i / (shape.area * shape.vectors);
    var value = gradient[image * shape.vectors + i % shape.vectors] / f32(shape.area);
    if (shape.accumulate != 0u) { value += sourceGradient[i]; }
    sourceGradient[i] = value;
    ${gridNext('i', 'shape.images * shape.area * shape.vectors')}
  }
}`,
});
