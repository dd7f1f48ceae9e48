import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/**
 * SGD with momentum over the whole parameter arena, one vec4 a thread: g += weightDecay * w (only below `decayEnd`,
 * where the kernels lie), v = momentum * v + g, w -= learningRate * (nesterov ? g + momentum * v : v). `gradient` is
 * that of the scaled loss.
 */
export const sgd = defineKernel({
  label: 'sgd',
  buffers: {
    gradient: ['read', 'array<vec4f>'],
    parameters: ['write', 'array<vec4f>'],
    velocity: ['write', 'array<vec4f>'],
  },
  shape: ['size', 'decayEnd'],
  step: true,
  body: `${MAIN} {
  ${gridStride('i', 'shape.size')} {
    let w = parameters[i];
    var g = gradient[i] * step.inverseLossScale;
    if (i < shape.decayEnd) { g = fma(vec4f(step.weightDecay), w, g); }
    let v = fma(vec4f(step.momentum), velocity[i], g);
    velocity[i] = v;
    let update = select(v, fma(vec4f(step.momentum), v, g), step.nesterov != 0.0);
    parameters[i] = fma(vec4f(-step.learningRate), update, w);
    ${gridNext('i', 'shape.size')}
  }
}`,
});
