import { type Grid, type Kernel, defineKernel, groupsFor } from '../../kernel.ts';
import {
  type ConvBuffer,
  type Epilogue,
  STORE_FIELDS,
  type Tile,
  convBuffers,
  convHead,
  declareAccumulators,
  epilogueLabel,
  loadSource,
  multiplyAdd,
  pixelAddress,
  rowStart,
  storeTile,
  tileLabel,
  times,
  weightLoads,
} from '../conv/tile.ts';

const FIELDS = [
  'images',
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
export type Gradient3x3Field = (typeof FIELDS)[number];

/**
 * Input gradient of a 3x3 convolution with stride 2. "out" is the gradient of the layer's input, "in" the gradient of its
 * output (`source`, bound with its zero region), `weights` are transposed, [3, 3, in, out], not flipped.
 *
 * With u = x + padLeft, taps 0 and 2 reach even u and tap 1 odd u. A thread makes `tile.pixels` pairs (even, odd) of one
 * row, so that its columns of the gradient are loaded once for all three taps. Rows go by parity along z, which keeps the
 * loop over the vertical taps uniform.
 */
export function conv3x3InputGradient(tile: Tile, epilogue: Epilogue = 'plain'): Kernel<ConvBuffer, Gradient3x3Field> {
  const pairs = tile.pixels;
  const accumulators: Tile = { ...tile, pixels: 2 * pairs };
  const weights = weightLoads(tile, 3, { tap: 'tapStride', row: 'outVectors' });
  return defineKernel({
    label: `conv-3x3-input-gradient s2 ${tileLabel(tile)}${epilogueLabel(epilogue)}`,
    buffers: convBuffers(tile),
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)}
  let block = group.y * ${tile.vectors}u;
  let parity = group.z;
  let tilesPerRow = ((shape.outWidth + shape.padLeft + 1u) / 2u + ${pairs - 1}u) / ${pairs}u;
  let rowsOfParity = (shape.outHeight + shape.padTop + 1u - parity) / 2u;
  let index = id.x / tilesPerRow;
  let firstPair = (id.x - index * tilesPerRow) * ${pairs}u;
  let image = index / max(rowsOfParity, 1u);
  let pairRow = index - image * max(rowsOfParity, 1u);
  let y = i32(pairRow * 2u + parity) - i32(shape.padTop);
  let exists = (image < shape.images) & (rowsOfParity > 0u) & (u32(y) < shape.outHeight);
  let firstX = i32(firstPair * 2u) - i32(shape.padLeft);
  let tapStride = inVectors * 4u * outVectors;
  ${weights.prepare}
  ${weights.place}
  ${declareAccumulators(accumulators)}
  var ky = parity;
  loop {
    let iy = i32(pairRow) - i32(ky / 2u);
    ${rowStart(tile)}
    let rowInside = exists & (u32(iy) < shape.inHeight);
    ${times(pairs + 1, (column) => `let ix${column} = i32(firstPair) + ${column - 1}; let at${column} = ${pixelAddress(`ix${column}`)};`)}
    let firstWeight = ky * 3u * tapStride + block;
    for (var c = 0u; c < ${tile.channels === 1 ? 'shape.inChannels' : 'inVectors'}; c++) {
      ${times(pairs + 1, (column) => `let x${column} = ${loadSource(tile, `at${column} + c`)};`)}
      ${weights.load(`firstWeight + c * ${tile.channels}u * outVectors`)}
      ${times(
        pairs,
        (q) => `${multiplyAdd(tile, 2 * q, [`x${q + 1}`, null, `x${q}`])}
        ${multiplyAdd(tile, 2 * q + 1, [null, `x${q + 1}`, null])}`,
      )}
    }
    continuing { ky += 2u; break if ky >= 3u; }
  }
  let firstOut = u32((i32(image * shape.outHeight) + y) * i32(shape.outWidth) + firstX);
  ${storeTile(accumulators, epilogue, {
    valid: (p) => `exists & (u32(firstX + ${p}) < shape.outWidth)`,
    pixel: (p) => `firstOut + ${p}u`,
    vector: 'block',
  })}
}`,
  });
}

/** Threads over (image, row of one parity, tile) along x, blocks of channels along y, row parities along z. */
export function gradient3x3Grid(
  tile: Tile,
  shape: {
    images: number;
    outHeight: number;
    outWidth: number;
    outVectors: number;
    padTop: number;
    padLeft: number;
  },
): Grid {
  const rows = shape.images * Math.ceil((shape.outHeight + shape.padTop) / 2);
  const tiles = Math.ceil(Math.ceil((shape.outWidth + shape.padLeft) / 2) / tile.pixels);
  return [groupsFor(rows * tiles), Math.ceil(shape.outVectors / tile.vectors), 2];
}
