import { MAIN, defineKernel, gridStride } from '../../kernel.ts';

/**
 * [kernel, kernel, in, out] to [kernel, kernel, out, in], with both spatial axes reversed when `flip` is 1 (what the
 * input gradient of a stride 1 convolution convolves with). One thread a vec4 of the result.
 */
export const transposeKernel = defineKernel({
  label: 'transpose-kernel',
  buffers: { weights: ['read', 'array<f32>'], transposed: ['write', 'array<vec4f>'] },
  shape: ['taps', 'inVectors', 'outVectors', 'flip'],
  body: `${MAIN} {
  let outputs = shape.outVectors * 4u;
  let inputs = shape.inVectors * 4u;
  ${gridStride('i', 'shape.taps * outputs * shape.inVectors')} {
    let c = i % shape.inVectors;
    let o = (i / shape.inVectors) % outputs;
    let tap = i / (shape.inVectors * outputs);
    let source = select(tap, shape.taps - 1u - tap, shape.flip != 0u);
    let at = (source * inputs + c * 4u) * outputs + o;
    transposed[i] = vec4f(weights[at], weights[at + outputs], weights[at + 2u * outputs], weights[at + 3u * outputs]);
  }
}`,
});
