import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/** Adds a bias [channels] to [rows, channels] in place. */
export const addBias = defineKernel({
  label: 'add-bias',
  buffers: { bias: ['read', 'array<vec4f>'], values: ['write', 'array<Stored>'] },
  shape: ['size', 'vectors'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.size')} {
    values[i] = Stored(vec4f(values[i]) + bias[i % shape.vectors]);
    ${gridNext('i', 'shape.size')}
  }
}`,
});

/** Gradient of the bias: the sum over the rows, in order. One thread a vec4 of channels. */
export const biasGradient = defineKernel({
  label: 'bias-gradient',
  buffers: { gradient: ['read', 'array<Stored>'], sums: ['write', 'array<vec4f>'] },
  shape: ['rows', 'vectors'],
  body: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    var sum = vec4f(0);
    for (var row = 0u; row < shape.rows; row++) {
      sum += vec4f(gradient[row * shape.vectors + c]);
    }
    sums[c] = sum;
    ${gridNext('c', 'shape.vectors')}
  }
}`,
});
