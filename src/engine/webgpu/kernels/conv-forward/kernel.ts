import { type Grid, type Kernel, WORKGROUP, ZERO_VEC4S, defineKernel, groupsFor } from '../../kernel.ts';

/** A tile: `pixels` neighbouring pixels of one output row by `vectors` vec4 of output channels, held in registers. */
export interface Tile {
  readonly pixels: number;
  readonly vectors: number;
  /** Weights are loaded once in four neighbouring threads and handed round (`quadBroadcast`). */
  readonly quads: boolean;
}

export const tileLabel = (tile: Tile): string => `${tile.pixels}x${tile.vectors * 4}${tile.quads ? 'q' : ''}`;

export type ConvBuffer = 'source' | 'weights' | 'output';
export type ConvField =
  | 'rows'
  | 'outHeight'
  | 'outWidth'
  | 'outVectors'
  | 'inHeight'
  | 'inWidth'
  | 'inVectors'
  | 'kernel'
  | 'stride'
  | 'padTop'
  | 'padLeft'
  | 'accumulate';
export const CONV_FIELDS: readonly ConvField[] = [
  'rows',
  'outHeight',
  'outWidth',
  'outVectors',
  'inHeight',
  'inWidth',
  'inVectors',
  'kernel',
  'stride',
  'padTop',
  'padLeft',
  'accumulate',
];

export const times = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Loads the weight vectors of four input channels (rows `row` to `row + 3` of the lowered matrix) as w<r>_<v>. */
export function loadWeights(tile: Tile, row: string): string {
  const at = (r: string, vector: number): string => `weights[(${row} + ${r}) * outVectors + block + ${vector}u]`;
  if (!tile.quads) return times(4, (r) => times(tile.vectors, (v) => `let w${r}_${v} = ${at(`${r}u`, v)};`));
  return times(tile.vectors, (v) => {
    const own = `let own${v} = ${at('lane', v)};`;
    return own + times(4, (r) => `let w${r}_${v} = quadBroadcast(own${v}, ${r}u);`);
  });
}

/** Adds pixel value `x` (a vec4 of four input channels) times the loaded weights to the accumulators of pixel `p`. */
export const multiplyAdd = (tile: Tile, p: number, x: string): string =>
  times(4, (r) => times(tile.vectors, (v) => `a${p}_${v} = fma(vec4f(${x}[${r}]), w${r}_${v}, a${p}_${v});`));

export const declareAccumulators = (tile: Tile): string =>
  times(tile.pixels, (p) => times(tile.vectors, (v) => `var a${p}_${v} = vec4f(0);`));

/** Writes (or adds) the accumulators where pixel and channel exist. `pixel(p)` is the pixel index in the output. */
export const storeAccumulators = (tile: Tile, valid: (p: number) => string, pixel: (p: number) => string): string =>
  times(
    tile.pixels,
    (p) => `if (${valid(p)}) {
      let at = (${pixel(p)}) * outVectors + block;
      ${times(
        tile.vectors,
        (v) => `if (block + ${v}u < outVectors) {
          if (shape.accumulate != 0u) { a${p}_${v} += output[at + ${v}u]; }
          output[at + ${v}u] = a${p}_${v};
        }`,
      )}
    }`,
  );

export const convHead = (tile: Tile): string => `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${
  tile.quads ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''
}) {
  ${tile.quads ? 'let lane = subgroupLane & 3u;' : ''}
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;
  let block = group.y * ${tile.vectors}u;`;

/** Splits the thread index into an output row (over all images) and the first pixel of its tile. */
const tilePosition = (tile: Tile): string => `
  let tilesPerRow = (shape.outWidth + ${tile.pixels - 1}u) / ${tile.pixels}u;
  let row = id.x / tilesPerRow;
  let firstX = (id.x % tilesPerRow) * ${tile.pixels}u;
  let image = row / shape.outHeight;
  let y = row % shape.outHeight;`;

const store = (tile: Tile): string =>
  storeAccumulators(
    tile,
    (p) => `row < shape.rows && firstX + ${p}u < shape.outWidth`,
    (p) => `row * shape.outWidth + firstX + ${p}u`,
  );

export const CONV_BUFFERS = {
  source: ['read', 'array<vec4f>'],
  weights: ['read', 'array<vec4f>'],
  output: ['write', 'array<vec4f>'],
} as const;

/**
 * Address of input pixel (iy, ix) of the image, or the zero region when it is padding. Conditions are combined without
 * short circuits (a negative index is a huge u32): branches here make SwiftShader compile ten times longer.
 */
const address = (ix: string): string =>
  `select(0u, ${ZERO_VEC4S}u + u32((i32(image) * i32(shape.inHeight) + iy) * i32(shape.inWidth) + ${ix}) * inVectors,
    rowInside & (u32(${ix}) < shape.inWidth))`;

const rowHead = `
    let iy = i32(y * shape.stride + ky) - i32(shape.padTop);
    let rowInside = (row < shape.rows) & (u32(iy) < shape.inHeight);`;

/**
 * Convolution forward, NHWC by [kernel, kernel, in, out]: any kernel, any stride, one load of a pixel for each tap.
 * `source` is bound with its zero region; the output without.
 */
export function convForward(tile: Tile): Kernel<ConvBuffer, ConvField> {
  return defineKernel({
    label: `conv-forward ${tileLabel(tile)}`,
    buffers: CONV_BUFFERS,
    shape: CONV_FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)} ${tilePosition(tile)}
  ${declareAccumulators(tile)}
  for (var ky = 0u; ky < shape.kernel; ky++) { ${rowHead}
    for (var kx = 0u; kx < shape.kernel; kx++) {
      let left = i32(firstX * shape.stride + kx) - i32(shape.padLeft);
      ${times(tile.pixels, (p) => `let ix${p} = left + i32(${p}u * shape.stride); let at${p} = ${address(`ix${p}`)};`)}
      let tap = (ky * shape.kernel + kx) * inVectors * 4u;
      for (var c = 0u; c < inVectors; c++) {
        ${loadWeights(tile, 'tap + c * 4u')}
        ${times(tile.pixels, (p) => `{ let x = source[at${p} + c]; ${multiplyAdd(tile, p, 'x')} }`)}
      }
    }
  }
  ${store(tile)}
}`,
  });
}

/**
 * The 3x3, stride 1 case: a row's columns are loaded once and used by all three horizontal taps. Also the input
 * gradient of such a convolution, on flipped and transposed weights.
 */
export function conv3x3(tile: Tile): Kernel<ConvBuffer, ConvField> {
  return defineKernel({
    label: `conv-3x3 ${tileLabel(tile)}`,
    buffers: CONV_BUFFERS,
    shape: CONV_FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)} ${tilePosition(tile)}
  ${declareAccumulators(tile)}
  let left = i32(firstX) - i32(shape.padLeft);
  for (var ky = 0u; ky < 3u; ky++) { ${rowHead}
    ${times(tile.pixels + 2, (column) => `let ix${column} = left + ${column}; let at${column} = ${address(`ix${column}`)};`)}
    for (var c = 0u; c < inVectors; c++) {
      ${times(tile.pixels + 2, (column) => `let x${column} = source[at${column} + c];`)}
      ${times(
        3,
        (kx) => `{
        ${loadWeights(tile, `((ky * 3u + ${kx}u) * inVectors + c) * 4u`)}
        ${times(tile.pixels, (p) => multiplyAdd(tile, p, `x${p + kx}`))}
      }`,
      )}
    }
  }
  ${store(tile)}
}`,
  });
}

/** Grid of both: threads over (row, tile of the row) along x, blocks of output channels along y. */
export function convGrid(tile: Tile, rows: number, outWidth: number, outVectors: number): Grid {
  return [groupsFor(rows * Math.ceil(outWidth / tile.pixels)), Math.ceil(outVectors / tile.vectors), 1];
}
