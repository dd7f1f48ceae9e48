import { type Grid, WORKGROUP, ZERO_VEC4S, defineKernel } from '../../kernel.ts';
import { type Epilogue, epilogueLabel, times } from '../conv/tile.ts';

/** Pixels of a row that one thread makes. */
const PIXELS = 4;

const FIELDS = [
  'rows',
  'outHeight',
  'outWidth',
  'inHeight',
  'inWidth',
  'vectors',
  'padTop',
  'padLeft',
  'flip',
] as const;

/** What the kernel can do with its results, see `Epilogue`. */
export type DepthwiseEpilogue = Extract<Epilogue, 'plain' | 'accumulate' | 'folded'>;

/** A thread's index over two dimensions of work-groups: wide layers at large batches need more than one holds. */
const HEAD = `@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) groups: vec3u) {
  let index = id.x + id.y * groups.x * ${WORKGROUP}u;`;

function grid(threads: number): Grid {
  const groups = Math.max(1, Math.ceil(threads / WORKGROUP));
  const rows = Math.ceil(groups / 65_535);
  return [Math.ceil(groups / rows), rows, 1];
}

/** Address of the first channel of input row `iy`, in vec4s. */
const rowStart = `${ZERO_VEC4S}u + u32((i32(image) * i32(shape.inHeight) + iy) * i32(shape.inWidth)) * shape.vectors + c`;
const load = (buffer: string, x: string): string =>
  `vec4f(${buffer}[select(0u, rowAt + u32(${x}) * shape.vectors, rowInside & (u32(${x}) < shape.inWidth))])`;

/**
 * Depthwise 3x3 convolution, NHWC by [3, 3, channels]: a thread makes four pixels of one row for a vec4 of channels. With
 * `flip` the kernel is turned round: the input gradient at stride 1. `folded` applies the batch norm, scale and shift
 * [2, vectors], and the activation (1 ReLU, 2 ReLU6). `source` is bound with its zero region.
 */
export const depthwiseConv = (stride: 1 | 2, epilogue: DepthwiseEpilogue = 'plain') =>
  defineKernel({
    label: `depthwise-3x3 s${stride}${epilogueLabel(epilogue)}`,
    buffers: {
      source: ['read', 'array<Stored>'],
      weights: ['read', 'array<vec4f>'],
      perChannel: ['read', 'array<vec4f>'],
      output: ['write', 'array<Stored>'],
    },
    shape: [...FIELDS, 'activation'],
    body: `${HEAD}
  let tilesPerRow = (shape.outWidth + ${PIXELS - 1}u) / ${PIXELS}u;
  let c = index % shape.vectors;
  let tile = index / shape.vectors;
  let row = tile / tilesPerRow;
  let firstX = (tile % tilesPerRow) * ${PIXELS}u;
  let image = row / shape.outHeight;
  ${times(PIXELS, (p) => `var a${p} = vec4f(0);`)}
  var ky = 0u;
  loop {
    let iy = i32((row % shape.outHeight) * ${stride}u + ky) - i32(shape.padTop);
    let rowInside = (row < shape.rows) & (u32(iy) < shape.inHeight);
    let rowAt = ${rowStart};
    ${times((PIXELS - 1) * stride + 3, (k) => `let ix${k} = i32(firstX * ${stride}u) - i32(shape.padLeft) + ${k}; let x${k} = ${load('source', `ix${k}`)};`)}
    ${times(3, (kx) => `let w${kx} = weights[select(ky * 3u + ${kx}u, 8u - ky * 3u - ${kx}u, shape.flip != 0u) * shape.vectors + c];`)}
    ${times(PIXELS, (p) => `a${p} = fma(x${p * stride}, w0, fma(x${p * stride + 1}, w1, fma(x${p * stride + 2}, w2, a${p})));`)}
    continuing { ky += 1u; break if ky >= 3u; }
  }
  ${
    epilogue === 'folded'
      ? `let lowest = vec4f(select(-3.4e38, 0.0, shape.activation != 0u));
  let highest = vec4f(select(3.4e38, 6.0, shape.activation == 2u));
  let scale = perChannel[c];
  let offset = perChannel[c + shape.vectors];`
      : ''
  }
  ${times(PIXELS, (p) => {
    const result = {
      plain: `a${p}`,
      accumulate: `a${p} + vec4f(output[at])`,
      folded: `clamp(fma(a${p}, scale, offset), lowest, highest)`,
    }[epilogue];
    return `if (row < shape.rows && firstX + ${p}u < shape.outWidth) {
      let at = (row * shape.outWidth + firstX + ${p}u) * shape.vectors + c;
      output[at] = Stored(${result});
    }`;
  })}
}`,
  });

/** Threads over (row, tile, vec4 of channels). */
export const depthwiseGrid = (rows: number, outWidth: number, vectors: number): Grid =>
  grid(rows * Math.ceil(outWidth / PIXELS) * vectors);
/** Threads over (pixel, vec4 of channels). */
export const depthwiseGradientGrid = (rows: number, outWidth: number, vectors: number): Grid =>
  grid(rows * outWidth * vectors);

/**
 * Input gradient at stride 2, by gathering: "out" is the gradient of the layer's input. A thread makes one pixel for a
 * vec4 of channels from the taps whose distance is a multiple of the stride.
 */
export const depthwiseInputGradient = (epilogue: Extract<Epilogue, 'plain' | 'accumulate'>) =>
  defineKernel({
    label: `depthwise-3x3-input-gradient s2${epilogueLabel(epilogue)}`,
    buffers: {
      source: ['read', 'array<Stored>'],
      weights: ['read', 'array<vec4f>'],
      output: ['write', 'array<Stored>'],
    },
    shape: FIELDS,
    body: `${HEAD}
  let c = index % shape.vectors;
  let pixel = index / shape.vectors;
  let x = pixel % shape.outWidth;
  let row = pixel / shape.outWidth;
  let y = row % shape.outHeight;
  let image = row / shape.outHeight;
  let exists = row < shape.rows;
  var sum = vec4f(0);
  var ky = (y + shape.padTop) % 2u;
  loop {
    let iy = (i32(y + shape.padTop) - i32(ky)) / 2;
    let rowInside = exists & (y + shape.padTop >= ky) & (u32(iy) < shape.inHeight);
    let rowAt = ${rowStart};
    var kx = (x + shape.padLeft) % 2u;
    loop {
      let before = x + shape.padLeft < kx;
      let ix = select((x + shape.padLeft - kx) / 2u, shape.inWidth, before);
      sum = fma(${load('source', 'ix')}, weights[(ky * 3u + kx) * shape.vectors + c], sum);
      continuing { kx += 2u; break if kx >= 3u; }
    }
    continuing { ky += 2u; break if ky >= 3u; }
  }
  if (exists) {
    ${epilogue === 'accumulate' ? 'sum += vec4f(output[pixel * shape.vectors + c]);' : ''}
    output[pixel * shape.vectors + c] = Stored(sum);
  }
}`,
  });

/**
 * Kernel gradient: `partials` [parts, 3, 3, channels]. A thread sums over the rows of its part for one kernel row and a
 * vec4 of channels; the columns that the next pixel needs again stay in registers.
 */
export const depthwiseKernelGradient = (stride: 1 | 2) =>
  defineKernel({
    label: `depthwise-3x3-kernel-gradient s${stride}`,
    buffers: {
      source: ['read', 'array<Stored>'],
      gradient: ['read', 'array<Stored>'],
      partials: ['write', 'array<vec4f>'],
    },
    shape: [
      'rows',
      'rowsPerPart',
      'parts',
      'outHeight',
      'outWidth',
      'inHeight',
      'inWidth',
      'vectors',
      'padTop',
      'padLeft',
    ],
    body: `${HEAD}
  let units = 3u * shape.vectors;
  let part = index / units;
  let ky = (index % units) / shape.vectors;
  let c = index % shape.vectors;
  ${times(3, (kx) => `var a${kx} = vec4f(0);`)}
  for (var i = 0u; i < shape.rowsPerPart; i++) {
    let row = part * shape.rowsPerPart + i;
    let rowExists = row < shape.rows;
    let image = row / shape.outHeight;
    let iy = i32((row % shape.outHeight) * ${stride}u + ky) - i32(shape.padTop);
    let rowInside = rowExists & (u32(iy) < shape.inHeight);
    let rowAt = ${rowStart};
    let gradientRow = row * shape.outWidth * shape.vectors + c;
    ${times(3 - stride, (k) => `let before${k} = ${k} - i32(shape.padLeft); var k${k} = ${load('source', `before${k}`)};`)}
    for (var ox = 0u; ox < shape.outWidth; ox++) {
      ${times(3 - stride, (k) => `let x${k} = k${k};`)}
      ${times(stride, (k) => `let ix${k} = i32(ox * ${stride}u) + ${3 - stride + k} - i32(shape.padLeft); let x${3 - stride + k} = ${load('source', `ix${k}`)};`)}
      let g = select(vec4f(0), vec4f(gradient[select(0u, gradientRow + ox * shape.vectors, rowExists)]), rowExists);
      ${times(3, (kx) => `a${kx} = fma(x${kx}, g, a${kx});`)}
      ${times(3 - stride, (k) => `k${k} = x${k + stride};`)}
    }
  }
  if (part < shape.parts) {
    ${times(3, (kx) => `partials[(part * 9u + ky * 3u + ${kx}u) * shape.vectors + c] = a${kx};`)}
  }
}`,
  });

/** Splits rows so that about `threads` threads work. */
export function splitDepthwise(
  rows: number,
  vectors: number,
  threads: number,
): { parts: number; rowsPerPart: number; grid: Grid } {
  const wanted = Math.min(rows, Math.max(1, Math.ceil(threads / (3 * vectors))));
  const rowsPerPart = Math.ceil(rows / wanted);
  const parts = Math.ceil(rows / rowsPerPart);
  return { parts, rowsPerPart, grid: grid(parts * 3 * vectors) };
}
