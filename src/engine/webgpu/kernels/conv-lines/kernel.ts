import { type Grid, type Kernel, defineKernel, groupsFor } from '../../kernel.ts';
import { RUN_WORDS, type TableBlock, blockTable, readBlock } from '../conv/table.ts';
import {
  STORE_FIELDS,
  type Tile,
  convBuffers,
  convHead,
  declareAccumulators,
  linePixelAddress,
  loadSource,
  multiplyAdd,
  storeTile,
  tileLabel,
  times,
  weightLoads,
} from '../conv/tile.ts';

const FIELDS = [
  'images',
  'outAcross',
  'outAlong',
  'outLine',
  'outStep',
  'outVectors',
  'inAcross',
  'inAlong',
  'inLine',
  'inStep',
  'inVectors',
  'padAlong',
  'blocks',
  ...STORE_FIELDS,
] as const;
export type ConvLinesField = (typeof FIELDS)[number];

/**
 * Three taps in a line of the kernel: a row of a dense 3x3 kernel, or the column that strided sparsity with stride 3
 * leaves. They are read at `across` lines from the pixel's own, for `channels` input channels from `channel` on; weights
 * start at vec4 `weights`, a channel's lie `rowStride` behind the one before, a tap's `tapStride`.
 */
export interface LineRun {
  readonly across: number;
  readonly channel: number;
  readonly channels: number;
  readonly weights: number;
  readonly rowStride: number;
  readonly tapStride: number;
}

export type LineBlock = TableBlock<LineRun>;

/** Writes blocks and their runs as the kernel reads them. */
export const lineTable = (blocks: readonly LineBlock[]): Int32Array =>
  blockTable(blocks, (run) => [run.across, run.channel, run.channels, run.weights, run.rowStride, run.tapStride]);

/**
 * Convolution whose taps lie in lines of three, stride 1 or 2: a thread makes neighbouring pixels of one line (a row, or a
 * column), loads the pixels of a line of the input once and uses them for all three taps. Strides between pixels and
 * lines say which way lines run. Forward; at stride 1 also the input gradient, on flipped and transposed weights.
 * `source` is bound with its zero region.
 */
export function convLines(tile: Tile, stride: 1 | 2): Kernel<keyof ReturnType<typeof buffers>, ConvLinesField> {
  const columns = (tile.pixels - 1) * stride + 3;
  const weights = weightLoads(tile, 3, { tap: 'tapStride', row: 'rowStride' });
  return defineKernel({
    label: `conv-lines s${stride} ${tileLabel(tile)}`,
    buffers: buffers(tile),
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)}
  ${readBlock('lines', 'group.y')}
  let tilesPerLine = (shape.outAlong + ${tile.pixels - 1}u) / ${tile.pixels}u;
  let line = id.x / tilesPerLine;
  let firstPixel = (id.x % tilesPerLine) * ${tile.pixels}u;
  let image = line / shape.outAcross;
  let across = line % shape.outAcross;
  let exists = image < shape.images;
  let left = i32(firstPixel * ${stride}u) - i32(shape.padAlong);
  ${declareAccumulators(tile)}
  for (var r = 0u; r < runs; r++) {
    let run = firstRun + r * ${RUN_WORDS}u;
    let sourceLine = i32(across * ${stride}u) + lines[run];
    let channel = u32(lines[run + 1u]);
    let channels = u32(lines[run + 2u]);
    let firstWeight = u32(lines[run + 3u]) + column;
    let rowStride = u32(lines[run + 4u]);
    let tapStride = u32(lines[run + 5u]);
    let lineInside = exists & (u32(sourceLine) < shape.inAcross);
    ${weights.prepare}
    ${times(columns, (k) => `let ix${k} = left + ${k}; let at${k} = ${linePixelAddress(tile, `ix${k}`)};`)}
    for (var c = 0u; c < ${tile.channels === 1 ? 'channels' : '(channels + 3u) / 4u'}; c++) {
      ${times(columns, (k) => `let x${k} = ${loadSource(tile, `at${k} + c`)};`)}
      ${weights.load(`firstWeight + c * ${tile.channels}u * rowStride`)}
      ${times(tile.pixels, (p) =>
        multiplyAdd(
          tile,
          p,
          [0, 1, 2].map((tap) => `x${p * stride + tap}`),
        ),
      )}
    }
  }
  ${storeTile(tile, {
    valid: (p) => `exists & (firstPixel + ${p}u < shape.outAlong)`,
    pixel: (p) =>
      `image * shape.outAcross * shape.outAlong + across * shape.outLine + (firstPixel + ${p}u) * shape.outStep`,
    vector: 'block',
    end: 'outEnd',
  })}
}`,
  });
}

const buffers = (tile: Tile) => ({ ...convBuffers(tile), lines: ['read', 'array<i32>'] as const });

type LineShape = Readonly<Record<'images' | 'outAcross' | 'outAlong', number>>;

/** Tiles of a layer: what the grid and the parts of the moments are counted in. */
export const lineTiles = (tile: Tile, { images, outAcross, outAlong }: LineShape): number =>
  images * outAcross * Math.ceil(outAlong / tile.pixels);

/** Threads over (image, line, tile of the line) along x, blocks of output channels along y. */
export const convLinesGrid = (tile: Tile, shape: LineShape & { readonly blocks: number }): Grid => [
  groupsFor(lineTiles(tile, shape)),
  shape.blocks,
  1,
];
