import { type Grid, type Kernel, defineKernel, groupsFor } from '../../kernel.ts';
import {
  type ConvBuffer,
  STORE_FIELDS,
  type Tile,
  convBuffers,
  convHead,
  declareAccumulators,
  multiplyAdd,
  pixelAddress,
  storeTile,
  tileLabel,
  times,
  weightLoads,
} from '../conv/tile.ts';

const FIELDS = [
  'rows',
  'outHeight',
  'outWidth',
  'outVectors',
  'inHeight',
  'inWidth',
  'inVectors',
  'inChannels',
  'padTop',
  'padLeft',
  ...STORE_FIELDS,
] as const;
export type Conv3x3Field = (typeof FIELDS)[number];

/**
 * 3x3 convolution forward, NHWC by [3, 3, in, out] (both channel axes padded to vec4s), stride 1 or 2: the columns of a
 * row are loaded once and used by all three horizontal taps. With stride 1 also the input gradient, on flipped and
 * transposed weights. `source` is bound with its zero region; only `inChannels` channels are summed.
 */
export function conv3x3(tile: Tile, stride: 1 | 2): Kernel<ConvBuffer, Conv3x3Field> {
  const columns = (tile.pixels - 1) * stride + 3;
  const weights = weightLoads(tile, 3, { tap: 'tapStride', row: 'outVectors' });
  return defineKernel({
    label: `conv-3x3 s${stride} ${tileLabel(tile)}`,
    buffers: convBuffers(tile),
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)}
  let block = group.y * ${tile.vectors}u;
  let tilesPerRow = (shape.outWidth + ${tile.pixels - 1}u) / ${tile.pixels}u;
  let row = id.x / tilesPerRow;
  let firstX = (id.x % tilesPerRow) * ${tile.pixels}u;
  let image = row / shape.outHeight;
  let y = row % shape.outHeight;
  let tapStride = inVectors * 4u * outVectors;
  let left = i32(firstX * ${stride}u) - i32(shape.padLeft);
  ${weights.prepare}
  ${declareAccumulators(tile)}
  for (var ky = 0u; ky < 3u; ky++) {
    let iy = i32(y * ${stride}u + ky) - i32(shape.padTop);
    let rowInside = (row < shape.rows) & (u32(iy) < shape.inHeight);
    ${times(columns, (column) => `let ix${column} = left + ${column}; let at${column} = ${pixelAddress(tile, `ix${column}`)};`)}
    let firstWeight = ky * 3u * tapStride + block;
    for (var c = 0u; c < ${tile.channels === 1 ? 'shape.inChannels' : 'inVectors'}; c++) {
      ${times(columns, (column) => `let x${column} = source[at${column} + c];`)}
      ${weights.load(`firstWeight + c * ${tile.channels}u * outVectors`)}
      ${times(tile.pixels, (p) =>
        multiplyAdd(
          tile,
          p,
          [0, 1, 2].map((kx) => `x${p * stride + kx}`),
        ),
      )}
    }
  }
  ${storeTile(tile, {
    valid: (p) => `row < shape.rows && firstX + ${p}u < shape.outWidth`,
    pixel: (p) => `row * shape.outWidth + firstX + ${p}u`,
    vector: 'block',
  })}
}`,
  });
}

/** Tiles of a layer: what the grid and the parts of the moments are counted in. */
export const tilesOf = (tile: Tile, rows: number, outWidth: number): number => rows * Math.ceil(outWidth / tile.pixels);

/** Threads over (row, tile of the row) along x, blocks of output channels along y. */
export function conv3x3Grid(tile: Tile, rows: number, outWidth: number, outVectors: number): Grid {
  return [groupsFor(tilesOf(tile, rows, outWidth)), Math.ceil(outVectors / tile.vectors), 1];
}
