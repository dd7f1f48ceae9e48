import { BATCH_NORM_EPSILON } from '../../../../core/network/network.ts';
import { type Grid, MAIN, WORKGROUP, defineKernel, gridStride } from '../../kernel.ts';

/**
 * Batch norm in passes over [pixels, channels]: per-channel sums in parts, a small kernel that finishes them, then one
 * elementwise pass that also adds a residual and applies ReLU. `state` is [4, vectors]: scale, shift, mean, 1/deviation.
 *
 * Sums are taken around the channel's first value, so that a large mean does not cancel the variance away.
 */
export const channelMoments = defineKernel({
  label: 'channel-moments',
  buffers: { values: ['read', 'array<vec4f>'], partials: ['write', 'array<vec4f>'] },
  shape: ['pixels', 'vectors', 'parts'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.parts * shape.vectors')} {
    let c = i % shape.vectors;
    let pivot = values[c];
    var sum = vec4f(0);
    var squares = vec4f(0);
    for (var pixel = i / shape.vectors; pixel < shape.pixels; pixel += shape.parts) {
      let value = values[pixel * shape.vectors + c] - pivot;
      sum += value;
      squares = fma(value, value, squares);
    }
    let at = (i / shape.vectors) * 2u * shape.vectors + c;
    partials[at] = sum;
    partials[at + shape.vectors] = squares;
  }
}`,
});

/**
 * Finishes the forward statistics: biased variance, running statistics (kept share `step.runningKeep`; 1 leaves them
 * untouched), scale and shift. `values` is the convolution's output, read for the pivot.
 */
export const finishMoments = defineKernel({
  label: 'finish-moments',
  buffers: {
    values: ['read', 'array<vec4f>'],
    partials: ['read', 'array<vec4f>'],
    gamma: ['read', 'array<vec4f>'],
    beta: ['read', 'array<vec4f>'],
    mean: ['write', 'array<vec4f>'],
    variance: ['write', 'array<vec4f>'],
    state: ['write', 'array<vec4f>'],
  },
  shape: ['pixels', 'vectors', 'parts'],
  step: true,
  body: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    var sum = vec4f(0);
    var squares = vec4f(0);
    for (var part = 0u; part < shape.parts; part++) {
      sum += partials[part * 2u * shape.vectors + c];
      squares += partials[(part * 2u + 1u) * shape.vectors + c];
    }
    let count = f32(shape.pixels);
    let shifted = sum / count;
    let average = values[c] + shifted;
    let spread = max(squares / count - shifted * shifted, vec4f(0));
    if (step.runningKeep < 1.0) {
      mean[c] = mix(average, mean[c], step.runningKeep);
      variance[c] = mix(spread, variance[c], step.runningKeep);
    }
    let inverse = inverseSqrt(spread + ${BATCH_NORM_EPSILON});
    let scale = gamma[c] * inverse;
    state[c] = scale;
    state[c + shape.vectors] = beta[c] - average * scale;
    state[c + 2u * shape.vectors] = average;
    state[c + 3u * shape.vectors] = inverse;
  }
}`,
});

/** Scale and shift from the running statistics, for inference. */
export const runningScale = defineKernel({
  label: 'running-scale',
  buffers: {
    gamma: ['read', 'array<vec4f>'],
    beta: ['read', 'array<vec4f>'],
    mean: ['read', 'array<vec4f>'],
    variance: ['read', 'array<vec4f>'],
    state: ['write', 'array<vec4f>'],
  },
  shape: ['vectors'],
  body: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    let scale = gamma[c] * inverseSqrt(variance[c] + ${BATCH_NORM_EPSILON});
    state[c] = scale;
    state[c + shape.vectors] = beta[c] - mean[c] * scale;
  }
}`,
});

/**
 * output = act(scale * values + shift (+ residual)), ReLU where `relu` is 1. A thread keeps its channels and walks
 * pixels `apart` from each other, so that scale and shift are read once.
 */
export const scaleShift = (residual: boolean) =>
  defineKernel({
    label: residual ? 'scale-shift-add' : 'scale-shift',
    buffers: {
      values: ['read', 'array<vec4f>'],
      state: ['read', 'array<vec4f>'],
      added: ['read', 'array<vec4f>'],
      output: ['write', 'array<vec4f>'],
    },
    shape: ['pixels', 'vectors', 'apart', 'relu'],
    body: `${MAIN} {
  if (id.x >= shape.apart * shape.vectors) { return; }
  let c = id.x % shape.vectors;
  let scale = state[c];
  let shift = state[c + shape.vectors];
  let lowest = vec4f(select(-3.4e38, 0.0, shape.relu != 0u));
  for (var pixel = id.x / shape.vectors; pixel < shape.pixels; pixel += shape.apart) {
    let i = pixel * shape.vectors + c;
    var value = fma(values[i], scale, shift);
    ${residual ? 'value += added[i];' : ''}
    output[i] = max(value, lowest);
  }
}`,
  });

const MASKED = `
fn masked(i: u32) -> vec4f {
  let open = (activation[i] > vec4f(0)) | vec4<bool>(shape.relu == 0u);
  return select(vec4f(0), gradient[i], open);
}`;

/** Per-channel sums of the masked gradient and of its product with the normalised values, in parts. */
export const gradientMoments = defineKernel({
  label: 'gradient-moments',
  buffers: {
    gradient: ['read', 'array<vec4f>'],
    activation: ['read', 'array<vec4f>'],
    values: ['read', 'array<vec4f>'],
    state: ['read', 'array<vec4f>'],
    partials: ['write', 'array<vec4f>'],
  },
  shape: ['pixels', 'vectors', 'parts', 'relu'],
  body: `${MASKED}
${MAIN} {
  ${gridStride('i', 'shape.parts * shape.vectors')} {
    let c = i % shape.vectors;
    let mean = state[c + 2u * shape.vectors];
    let inverse = state[c + 3u * shape.vectors];
    var sum = vec4f(0);
    var products = vec4f(0);
    for (var pixel = i / shape.vectors; pixel < shape.pixels; pixel += shape.parts) {
      let at = pixel * shape.vectors + c;
      let g = masked(at);
      sum += g;
      products = fma(g, (values[at] - mean) * inverse, products);
    }
    let at = (i / shape.vectors) * 2u * shape.vectors + c;
    partials[at] = sum;
    partials[at + shape.vectors] = products;
  }
}`,
});

/** Gradients of scale and shift, and the coefficients [2, vectors] of the input gradient: their means over pixels. */
export const finishGradientMoments = defineKernel({
  label: 'finish-gradient-moments',
  buffers: {
    partials: ['read', 'array<vec4f>'],
    gammaGradient: ['write', 'array<vec4f>'],
    betaGradient: ['write', 'array<vec4f>'],
    coefficients: ['write', 'array<vec4f>'],
  },
  shape: ['pixels', 'vectors', 'parts'],
  body: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    var sum = vec4f(0);
    var products = vec4f(0);
    for (var part = 0u; part < shape.parts; part++) {
      sum += partials[part * 2u * shape.vectors + c];
      products += partials[(part * 2u + 1u) * shape.vectors + c];
    }
    gammaGradient[c] = products;
    betaGradient[c] = sum;
    coefficients[c] = sum / f32(shape.pixels);
    coefficients[c + shape.vectors] = products / f32(shape.pixels);
  }
}`,
});

/**
 * Gradient of the values before the norm, and with `residual` that of the residual input, which gets the masked gradient
 * as it is. `accumulate` and `accumulateAdded` add to what is there. Threads walk pixels as in `scaleShift`.
 */
export const scaleShiftGradient = (residual: boolean) =>
  defineKernel({
    label: residual ? 'scale-shift-add-gradient' : 'scale-shift-gradient',
    buffers: {
      gradient: ['read', 'array<vec4f>'],
      activation: ['read', 'array<vec4f>'],
      values: ['read', 'array<vec4f>'],
      state: ['read', 'array<vec4f>'],
      coefficients: ['read', 'array<vec4f>'],
      valuesGradient: ['write', 'array<vec4f>'],
      addedGradient: ['write', 'array<vec4f>'],
    },
    shape: ['pixels', 'vectors', 'apart', 'relu', 'accumulate', 'accumulateAdded'],
    body: `${MASKED}
${MAIN} {
  if (id.x >= shape.apart * shape.vectors) { return; }
  let c = id.x % shape.vectors;
  let scale = state[c];
  let mean = state[c + 2u * shape.vectors];
  let inverse = state[c + 3u * shape.vectors];
  let meanGradient = coefficients[c];
  let meanProduct = coefficients[c + shape.vectors];
  for (var pixel = id.x / shape.vectors; pixel < shape.pixels; pixel += shape.apart) {
    let i = pixel * shape.vectors + c;
    let g = masked(i);
    let normalised = (values[i] - mean) * inverse;
    var slope = scale * (g - meanGradient - normalised * meanProduct);
    if (shape.accumulate != 0u) { slope += valuesGradient[i]; }
    valuesGradient[i] = slope;
    ${residual ? 'if (shape.accumulateAdded != 0u) { addedGradient[i] += g; } else { addedGradient[i] = g; }' : ''}
  }
}`,
  });

/** Pixels that one thread of an elementwise pass over channels walks. */
const PIXELS_A_THREAD = 4;

/**
 * How far apart the pixels of a thread are, and the grid. Only `apart` times `vectors` threads work; the few that fill
 * the last work-group do nothing.
 */
export function channelWalk(pixels: number, vectors: number): { apart: number; grid: Grid } {
  const threads = Math.min(65_535 * WORKGROUP, Math.ceil(pixels / PIXELS_A_THREAD) * vectors);
  const groups = Math.ceil(threads / WORKGROUP);
  return { apart: Math.max(1, Math.floor((groups * WORKGROUP) / vectors)), grid: [groups, 1, 1] };
}
