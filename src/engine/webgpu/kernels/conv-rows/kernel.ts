import { type Grid, type Kernel, defineKernel } from '../../kernel.ts';
import { RUN_WORDS, type TableBlock, blockTable, readBlock } from '../conv/table.ts';
import {
  type Epilogue,
  STORE_FIELDS,
  type Tile,
  convBuffers,
  convHead,
  declareAccumulators,
  epilogueLabel,
  groupThreads,
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
  'outStride',
  'inStride',
  'blocks',
  ...STORE_FIELDS,
] as const;
export type ConvRowsField = (typeof FIELDS)[number];

/**
 * Rows of the lowered matrix that share a tap and lie next to each other: `channels` input channels from `channel` on,
 * each read at (dy, dx) from the pixel. Their weights start at vec4 `weights` and lie `stride` vec4s apart.
 */
export interface Run {
  readonly dy: number;
  readonly dx: number;
  readonly channel: number;
  readonly channels: number;
  readonly weights: number;
  readonly stride: number;
}

export type Block = TableBlock<Run>;

/** Writes blocks (phase by phase, equally many each) and their runs as the kernel reads them. */
export const rowTable = (blocks: readonly Block[]): Int32Array =>
  blockTable(blocks, (run) => [run.dy, run.dx, run.channel, run.channels, run.weights, run.stride]);

/**
 * Convolution over a table of rows of the lowered matrix, (input channel, dy, dx) in runs: 1x1 convolutions, dense
 * layers, and kernels of which strided sparsity keeps some taps for some source maps. Forward, and as the input gradient
 * on transposed weights: the pixels that a thread makes are `outStride` apart, those it reads `inStride`; the phases of
 * the output (y mod outStride, x mod outStride) go along z and have blocks of their own. Runs start at multiples of four
 * channels. `source` is bound with its zero region.
 */
export function convRows(
  tile: Tile,
  epilogue: Epilogue = 'plain',
): Kernel<keyof ReturnType<typeof buffers>, ConvRowsField> {
  const weights = weightLoads(tile, 1, { tap: '0u', row: 'rowStride' });
  const P = tile.pixels;
  return defineKernel({
    label: `conv-rows ${tileLabel(tile)}${epilogueLabel(epilogue)}`,
    buffers: buffers(tile),
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${convHead({ ...tile })}
  ${readBlock('rows', 'group.z * shape.blocks + group.y')}
  let rowPhase = group.z / shape.outStride;
  let columnPhase = group.z % shape.outStride;
  let rowsOfPhase = (shape.outHeight + shape.outStride - 1u - rowPhase) / shape.outStride;
  let columnsOfPhase = (shape.outWidth + shape.outStride - 1u - columnPhase) / shape.outStride;
  let tilesPerRow = (columnsOfPhase + ${P - 1}u) / ${P}u;
  let index = id.x / max(tilesPerRow, 1u);
  let image = index / max(rowsOfPhase, 1u);
  let exists = (image < shape.images) & (tilesPerRow > 0u) & (rowsOfPhase > 0u);
  let i = index - image * rowsOfPhase;
  let firstJ = (id.x - index * tilesPerRow) * ${P}u;
  let y = rowPhase + i * shape.outStride;
  ${weights.prepare}
  ${declareAccumulators(tile)}
  var r = 0u;
  loop {
    let run = firstRun + r * ${RUN_WORDS}u;
    let iy = i32(i * shape.inStride) + rows[run];
    // A block without runs makes one turn, over zeros.
    let rowInside = exists & (r < runs) & (u32(iy) < shape.inHeight);
    let dx = rows[run + 1u];
    let channel = u32(rows[run + 2u]);
    let channels = select(0u, u32(rows[run + 3u]), r < runs);
    let rowStride = u32(rows[run + 5u]);
    let firstWeight = u32(rows[run + 4u]) + column;
    ${weights.place}
    let firstChannel = channel${tile.channels === 4 ? ' / 4u' : ''};
    ${rowStart(tile)}
    // Padding reads the zero region from its start: it is as long as the widest layer.
    ${times(P, (p) => `let ix${p} = i32((firstJ + ${p}u) * shape.inStride) + dx; let at${p} = ${pixelAddress(`ix${p}`)} + firstChannel;`)}
    for (var c = 0u; c < ${tile.channels === 1 ? 'channels' : '(channels + 3u) / 4u'}; c++) {
      ${times(P, (p) => `let x${p} = ${loadSource(tile, `at${p} + c`)};`)}
      ${weights.load(`firstWeight + c * ${tile.channels}u * rowStride`)}
      ${times(P, (p) => multiplyAdd(tile, p, [`x${p}`]))}
    }
    continuing { r += 1u; break if r >= runs; }
  }
  let firstOut = (image * shape.outHeight + y) * shape.outWidth + columnPhase + firstJ * shape.outStride;
  ${storeTile(tile, epilogue, {
    valid: (p) => `exists & (firstJ + ${p}u < columnsOfPhase)`,
    pixel: (p) => `firstOut + ${p}u * shape.outStride`,
    vector: 'block',
    end: 'outEnd',
  })}
}`,
  });
}

const buffers = (tile: Tile) => ({ ...convBuffers(tile), rows: ['read', 'array<i32>'] as const });

/** Tiles of one phase: what the grid is counted in. */
export const rowTiles = (
  tile: Tile,
  shape: { images: number; outHeight: number; outWidth: number; outStride: number },
) =>
  shape.images *
  Math.ceil(shape.outHeight / shape.outStride) *
  Math.ceil(Math.ceil(shape.outWidth / shape.outStride) / tile.pixels);

/** Threads over (image, row, tile) of one phase along x, blocks along y, phases along z. */
export function convRowsGrid(
  tile: Tile,
  shape: { images: number; outHeight: number; outWidth: number; outStride: number; blocks: number },
): Grid {
  const groups = Math.min(65_535, Math.ceil(rowTiles(tile, shape) / groupThreads(tile)));
  return [groups, shape.blocks, shape.outStride ** 2];
}
