import { MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';

/** Kinds of penalty as `ruledUpdate` has them. */
export const PENALTIES = { none: 0, l1: 1, groupLasso: 2, gradient: 3 } as const;

/**
 * SGD with momentum over a range of the arena under one UpdateRule (see there for the order), one vec4 a thread.
 * `mask`, `gradientMask`, `penaltyGradient` and `inverseNorms` are read only where the shape says so. Numbers that are
 * no counts come as the bits of a float. Padding stays zero: its weights, gradients and rules are. `gradient` is that of
 * the scaled loss.
 */
export const ruledUpdate = defineKernel({
  label: 'ruled-update',
  buffers: {
    gradient: ['read', 'array<vec4f>'],
    weights: ['write', 'array<vec4f>'],
    velocity: ['write', 'array<vec4f>'],
    mask: ['read', 'array<vec4f>'],
    gradientMask: ['read', 'array<vec4f>'],
    penaltyGradient: ['read', 'array<vec4f>'],
    inverseNorms: ['read', 'array<vec4f>'],
  },
  shape: [
    'size',
    'vectors',
    'masked',
    'gradientMasked',
    'penalty',
    'strength',
    'thresholded',
    'threshold',
    'rateScale',
    'ownMomentum',
    'momentum',
    'ownDecay',
    'decay',
    'decayed',
  ],
  step: true,
  body: `${MAIN} {
  let rate = step.learningRate * bitcast<f32>(shape.rateScale);
  let momentum = select(step.momentum, bitcast<f32>(shape.momentum), shape.ownMomentum != 0u);
  let hyperDecay = select(0.0, step.weightDecay, shape.decayed != 0u);
  let decay = select(hyperDecay, bitcast<f32>(shape.decay), shape.ownDecay != 0u);
  let strength = bitcast<f32>(shape.strength);
  ${gridStride('i', 'shape.size')} {
    let w = weights[i];
    var g = gradient[i] * step.inverseLossScale;
    if (shape.gradientMasked != 0u) { g *= gradientMask[i]; }
    if (decay != 0.0) { g = fma(vec4f(decay), w, g); }
    switch (shape.penalty) {
      case ${PENALTIES.l1}u: { g = fma(vec4f(strength), sign(w), g); }
      case ${PENALTIES.groupLasso}u: { g = fma(w * inverseNorms[i % shape.vectors], vec4f(strength), g); }
      case ${PENALTIES.gradient}u: { g += penaltyGradient[i]; }
      default: {}
    }
    var v = fma(vec4f(momentum), velocity[i], g);
    let update = select(v, fma(vec4f(momentum), v, g), step.nesterov != 0.0);
    var next = fma(vec4f(-rate), update, w);
    if (shape.thresholded != 0u) {
      next = sign(next) * max(abs(next) - vec4f(rate * bitcast<f32>(shape.threshold)), vec4f(0));
    }
    if (shape.masked != 0u) {
      // Chosen, not multiplied: a masked weight is +0 even where the update is negative or not finite.
      let lives = mask[i] != vec4f(0);
      v = select(vec4f(0), v, lives);
      next = select(vec4f(0), next, lives);
    }
    velocity[i] = v;
    weights[i] = next;
    ${gridNext('i', 'shape.size')}
  }
}`,
});

/** Sums of squares by output channel: weights [rows, vectors] to partials [parts, vectors], one of each a thread. */
export const squareSums = defineKernel({
  label: 'square-sums',
  buffers: { weights: ['read', 'array<vec4f>'], partials: ['write', 'array<vec4f>'] },
  shape: ['rows', 'vectors', 'parts'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.parts * shape.vectors')} {
    var sum = vec4f(0);
    for (var row = i / shape.vectors; row < shape.rows; row += shape.parts) {
      let w = weights[row * shape.vectors + i % shape.vectors];
      sum = fma(w, w, sum);
    }
    partials[i] = sum;
    ${gridNext('i', 'shape.parts * shape.vectors')}
  }
}`,
});

/** One over the norm of each output channel, 0 where the norm is 0. */
export const inverseNorms = defineKernel({
  label: 'inverse-norms',
  buffers: { partials: ['read', 'array<vec4f>'], norms: ['write', 'array<vec4f>'] },
  shape: ['vectors', 'parts'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.vectors')} {
    var sum = vec4f(0);
    for (var part = 0u; part < shape.parts; part++) {
      sum += partials[part * shape.vectors + i];
    }
    let some = sum > vec4f(0);
    norms[i] = select(vec4f(0), 1.0 / sqrt(select(vec4f(1), sum, some)), some);
    ${gridNext('i', 'shape.vectors')}
  }
}`,
});

/**
 * What the network computes with: step x clamp(round(w / step), -levels, levels), halves away from zero. `unit` and
 * `levels` come as the bits of floats.
 */
export const quantise = defineKernel({
  label: 'quantise',
  buffers: { full: ['read', 'array<vec4f>'], parameters: ['write', 'array<vec4f>'] },
  shape: ['size', 'unit', 'levels'],
  body: `${MAIN} {
  let unit = bitcast<f32>(shape.unit);
  let levels = vec4f(bitcast<f32>(shape.levels));
  ${gridStride('i', 'shape.size')} {
    let w = full[i];
    parameters[i] = min(floor(abs(w) / unit + 0.5), levels) * sign(w) * unit;
    ${gridNext('i', 'shape.size')}
  }
}`,
});
