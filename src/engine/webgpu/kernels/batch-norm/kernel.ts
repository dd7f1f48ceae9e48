import { BATCH_NORM_EPSILON } from '../../../../core/network/network.ts';
import { type Grid, MAIN, WORKGROUP, defineKernel, gridNext, gridStride, groupsFor } from '../../kernel.ts';

/**
 * Batch norm over [pixels, channels]: per-channel sums in parts (made by the convolution before, or by a pass of their
 * own), a small kernel that finishes them, then one elementwise pass that also adds a residual and applies the
 * activation. `state` is [4, vectors]: scale, shift, mean, 1/deviation.
 *
 * Sums are taken around the running mean, so that a large mean does not cancel the variance away.
 */
export const channelMoments = defineKernel({
  label: 'channel-moments',
  buffers: {
    values: ['read', 'array<Stored>'],
    pivots: ['read', 'array<vec4f>'],
    partials: ['write', 'array<vec4f>'],
  },
  shape: ['pixels', 'vectors', 'parts'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.parts * shape.vectors')} {
    let c = i % shape.vectors;
    let pivot = pivots[c];
    var sum = vec4f(0);
    var squares = vec4f(0);
    for (var pixel = i / shape.vectors; pixel < shape.pixels; pixel += shape.parts) {
      let value = vec4f(values[pixel * shape.vectors + c]) - pivot;
      sum += value;
      squares = fma(value, value, squares);
    }
    let at = (i / shape.vectors) * 2u * shape.vectors + c;
    partials[at] = sum;
    partials[at + shape.vectors] = squares;
    ${gridNext('i', 'shape.parts * shape.vectors')}
  }
}`,
});

/**
 * Sums a pair of vec4s a channel over parts. A software adapter's thread does that alone; on a GPU a work-group shares
 * it through its memory (fixed order) because parts are many and channels few.
 */
const sumPairs = (wide: boolean, parts = 'shape.parts'): { declare: string; head: string; tail: string } =>
  wide
    ? {
        declare: `
var<workgroup> firsts: array<vec4f, ${WORKGROUP}>;
var<workgroup> seconds: array<vec4f, ${WORKGROUP}>;`,
        head: `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let c = group.x;
  var own = vec4f(0);
  var ownSecond = vec4f(0);
  for (var part = thread; part < ${parts}; part += ${WORKGROUP}u) {
    own += partials[part * 2u * shape.vectors + c];
    ownSecond += partials[(part * 2u + 1u) * shape.vectors + c];
  }
  firsts[thread] = own;
  seconds[thread] = ownSecond;
  for (var half = ${WORKGROUP / 2}u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (thread < half) {
      firsts[thread] += firsts[thread + half];
      seconds[thread] += seconds[thread + half];
    }
  }
  let sum = firsts[0];
  let second = seconds[0];
  if (thread == 0u) {`,
        tail: '}',
      }
    : {
        declare: '',
        head: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    var sum = vec4f(0);
    var second = vec4f(0);
    for (var part = 0u; part < ${parts}; part++) {
      sum += partials[part * 2u * shape.vectors + c];
      second += partials[(part * 2u + 1u) * shape.vectors + c];
    }`,
        tail: `
    ${gridNext('c', 'shape.vectors')}
  }`,
      };

/** Grid of the two finishing kernels. */
export const finishGrid = (wide: boolean, vectors: number): Grid => [wide ? vectors : groupsFor(vectors), 1, 1];

/**
 * Finishes the forward statistics: biased variance, running statistics (kept share `step.runningKeep`; 1 leaves them
 * untouched), scale and shift. `mean` holds the pivots of the sums until it is overwritten. Vectors from `tail` on have their
 * sums in `tailParts` parts.
 */
export const finishMoments = (wide: boolean) => {
  const { declare, head, tail } = sumPairs(wide, 'select(shape.parts, shape.tailParts, c >= shape.tail)');
  return defineKernel({
    label: `finish-moments${wide ? ' wide' : ''}`,
    buffers: {
      partials: ['read', 'array<vec4f>'],
      gamma: ['read', 'array<vec4f>'],
      beta: ['read', 'array<vec4f>'],
      mean: ['write', 'array<vec4f>'],
      variance: ['write', 'array<vec4f>'],
      state: ['write', 'array<vec4f>'],
    },
    shape: ['pixels', 'vectors', 'parts', 'tail', 'tailParts'],
    step: true,
    body: `${declare}
${head}
    let count = f32(shape.pixels);
    let shifted = sum / count;
    let average = mean[c] + shifted;
    let spread = max(second / count - shifted * shifted, vec4f(0));
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
  ${tail}
}`,
  });
};

/** The state from the running statistics: evaluation, and gradients with the statistics held constant. */
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
    let inverse = inverseSqrt(variance[c] + ${BATCH_NORM_EPSILON});
    let scale = gamma[c] * inverse;
    state[c] = scale;
    state[c + shape.vectors] = beta[c] - mean[c] * scale;
    state[c + 2u * shape.vectors] = mean[c];
    state[c + 3u * shape.vectors] = inverse;
    ${gridNext('c', 'shape.vectors')}
  }
}`,
});

/** The state of a gate: scaling by a trained number a channel, nothing else. */
export const gateScale = defineKernel({
  label: 'gate-scale',
  buffers: { gate: ['read', 'array<vec4f>'], state: ['write', 'array<vec4f>'] },
  shape: ['vectors'],
  body: `${MAIN} {
  ${gridStride('c', 'shape.vectors')} {
    state[c] = gate[c];
    state[c + shape.vectors] = vec4f(0);
    state[c + 2u * shape.vectors] = vec4f(0);
    state[c + 3u * shape.vectors] = vec4f(1);
    ${gridNext('c', 'shape.vectors')}
  }
}`,
});

/**
 * output = act(scale * values + shift (+ residual)); `activation` 0 none, 1 ReLU, 2 ReLU6. A thread keeps its channels
 * and walks pixels `apart` from each other, so that scale and shift are read once.
 */
export const scaleShift = (residual: boolean) =>
  defineKernel({
    label: residual ? 'scale-shift-add' : 'scale-shift',
    buffers: {
      values: ['read', 'array<Stored>'],
      state: ['read', 'array<vec4f>'],
      added: ['read', 'array<Stored>'],
      output: ['write', 'array<Stored>'],
    },
    shape: ['pixels', 'vectors', 'apart', 'activation'],
    body: `${MAIN} {
  if (id.x >= shape.apart * shape.vectors) { return; }
  let c = id.x % shape.vectors;
  let scale = state[c];
  let shift = state[c + shape.vectors];
  let lowest = vec4f(select(-3.4e38, 0.0, shape.activation != 0u));
  let highest = vec4f(select(3.4e38, 6.0, shape.activation == 2u));
  var pixel = id.x / shape.vectors;
  if (pixel < shape.pixels) { loop {
    let i = pixel * shape.vectors + c;
    var value = fma(vec4f(values[i]), scale, shift);
    ${residual ? 'value += vec4f(added[i]);' : ''}
    output[i] = Stored(clamp(value, lowest, highest));
    continuing { pixel += shape.apart; break if pixel >= shape.pixels; }
  } }
}`,
  });

/**
 * The gradient where the activation function lets it through. Without a residual the activation is worked out again from
 * the values, which are needed anyway; with one it is read.
 */
const passed = (residual: boolean): string => `
  let floor = vec4f(select(-3.4e38, 0.0, shape.activation != 0u));
  let ceiling = vec4f(select(3.4e38, 6.0, shape.activation == 2u));
  let scale = state[c];
  ${residual ? '' : 'let shift = state[c + shape.vectors];'}`;
const masked = (residual: boolean): string => `
    let value = vec4f(values[i]);
    let result = ${residual ? 'vec4f(activation[i])' : 'fma(value, scale, shift)'};
    let g = select(vec4f(0), vec4f(gradient[i]), (result > floor) & (result < ceiling));`;

/** Per-channel sums of the masked gradient and of its product with the normalised values, in parts. */
export const gradientMoments = (residual: boolean) =>
  defineKernel({
    label: `gradient-moments${residual ? '-add' : ''}`,
    buffers: {
      gradient: ['read', 'array<Stored>'],
      values: ['read', 'array<Stored>'],
      state: ['read', 'array<vec4f>'],
      activation: ['read', 'array<Stored>'],
      partials: ['write', 'array<vec4f>'],
    },
    shape: ['pixels', 'vectors', 'parts', 'activation'],
    body: `${MAIN} {
  ${gridStride('thread', 'shape.parts * shape.vectors')} {
    let c = thread % shape.vectors;
    ${passed(residual)}
    let mean = state[c + 2u * shape.vectors];
    let inverse = state[c + 3u * shape.vectors];
    var sum = vec4f(0);
    var products = vec4f(0);
    for (var pixel = thread / shape.vectors; pixel < shape.pixels; pixel += shape.parts) {
      let i = pixel * shape.vectors + c;
      ${masked(residual)}
      sum += g;
      products = fma(g, (value - mean) * inverse, products);
    }
    let at = (thread / shape.vectors) * 2u * shape.vectors + c;
    partials[at] = sum;
    partials[at + shape.vectors] = products;
    ${gridNext('thread', 'shape.parts * shape.vectors')}
  }
}`,
  });

/**
 * Gradients of scale and shift, and the coefficients [2, vectors] of the input gradient: their means over pixels, or
 * zeros where the statistics are `constant` (running ones, gates).
 */
export const finishGradientMoments = (wide: boolean) =>
  defineKernel({
    label: `finish-gradient-moments${wide ? ' wide' : ''}`,
    buffers: {
      partials: ['read', 'array<vec4f>'],
      gammaGradient: ['write', 'array<vec4f>'],
      betaGradient: ['write', 'array<vec4f>'],
      coefficients: ['write', 'array<vec4f>'],
    },
    shape: ['pixels', 'vectors', 'parts', 'constant'],
    body: `${sumPairs(wide).declare}
${sumPairs(wide).head}
    gammaGradient[c] = second;
    betaGradient[c] = sum;
    let share = select(1.0 / f32(shape.pixels), 0.0, shape.constant != 0u);
    coefficients[c] = sum * share;
    coefficients[c + shape.vectors] = second * share;
  ${sumPairs(wide).tail}
}`,
  });

/** Which gradients are added to what is there. */
export interface Accumulation {
  readonly values?: boolean;
  readonly added?: boolean;
}

/**
 * Gradient of the values before the norm, and with `residual` that of the residual input, which gets the masked gradient
 * as it is. Either can be added to what is there. Threads walk pixels as in `scaleShift`.
 */
export const scaleShiftGradient = (residual: boolean, added: Accumulation = {}) =>
  defineKernel({
    label: `scale-shift${residual ? '-add' : ''}-gradient${added.values ? ' accumulate' : ''}${added.added ? ' accumulate-added' : ''}`,
    buffers: {
      gradient: ['read', 'array<Stored>'],
      values: ['read', 'array<Stored>'],
      state: ['read', 'array<vec4f>'],
      activation: ['read', 'array<Stored>'],
      coefficients: ['read', 'array<vec4f>'],
      valuesGradient: ['write', 'array<Stored>'],
      addedGradient: ['write', 'array<Stored>'],
    },
    shape: ['pixels', 'vectors', 'apart', 'activation'],
    body: `${MAIN} {
  if (id.x >= shape.apart * shape.vectors) { return; }
  let c = id.x % shape.vectors;
  ${passed(residual)}
  let mean = state[c + 2u * shape.vectors];
  let inverse = state[c + 3u * shape.vectors];
  let meanGradient = coefficients[c];
  let meanProduct = coefficients[c + shape.vectors];
  var pixel = id.x / shape.vectors;
  if (pixel < shape.pixels) { loop {
    let i = pixel * shape.vectors + c;
    ${masked(residual)}
    let normalised = (value - mean) * inverse;
    let slope = scale * (g - meanGradient - normalised * meanProduct);
    valuesGradient[i] = Stored(slope${added.values ? ' + vec4f(valuesGradient[i])' : ''});
    ${residual ? `addedGradient[i] = Stored(g${added.added ? ' + vec4f(addedGradient[i])' : ''});` : ''}
    continuing { pixel += shape.apart; break if pixel >= shape.pixels; }
  } }
}`,
  });

/**
 * How far apart the pixels of a thread are when each walks about `walked`, and the grid. Only `apart` times `vectors` threads work; the few that fill
 * the last work-group do nothing.
 */
export function channelWalk(pixels: number, vectors: number, walked: number): { apart: number; grid: Grid } {
  const threads = Math.min(65_535 * WORKGROUP, Math.ceil(pixels / walked) * vectors);
  const groups = Math.ceil(threads / WORKGROUP);
  return { apart: Math.max(1, Math.floor((groups * WORKGROUP) / vectors)), grid: [groups, 1, 1] };
}
