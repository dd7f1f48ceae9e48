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
  groupTiles,
  linePixels,
  loadSource,
  multiplyAdd,
  storeTile,
  tileLabel,
  times,
  weightLoads,
} from '../conv/tile.ts';

export const FIELDS = [
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
export function convLines(
  tile: Tile,
  stride: 1 | 2,
  epilogue: Epilogue = 'plain',
): Kernel<LinesBuffer, ConvLinesField> {
  const pixels = linePixels(
    tile,
    Array.from({ length: columnsOf(tile, stride) }, (_, k) => `left + ${k}`),
  );
  const weights = weightLoads(tile, 3, { tap: 'tapStride', row: 'rowStride' });
  return defineKernel({
    label: `conv-lines s${stride} ${tileLabel(tile)}${epilogueLabel(epilogue)}`,
    buffers: buffers(tile),
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)}
  ${readBlock('lines', 'group.y')}
  let tilesPerLine = (shape.outAlong + ${tile.pixels - 1}u) / ${tile.pixels}u;
  let line = id.x / tilesPerLine;
  let firstPixel = (id.x - line * tilesPerLine) * ${tile.pixels}u;
  let image = line / shape.outAcross;
  let across = line - image * shape.outAcross;
  let exists = image < shape.images;
  let left = i32(firstPixel * ${stride}u) - i32(shape.padAlong);
  ${pixels.columns}
  ${weights.prepare}
  ${declareAccumulators(tile)}
  ${tile.flat ? flatLoop(tile, stride, pixels.names, weights) : lineByLine(tile, stride, pixels.inLine, weights)}
  let firstOut = image * shape.outAcross * shape.outAlong + across * shape.outLine + firstPixel * shape.outStep;
  ${storeTile(tile, epilogue, {
    valid: (p) => `exists & (firstPixel + ${p}u < shape.outAlong)`,
    pixel: (p) => `firstOut + ${p}u * shape.outStep`,
    vector: 'block',
    end: 'outEnd',
  })}
}`,
  });
}

/** A loop over runs, in it one over their input channels. */
function lineByLine(tile: Tile, stride: 1 | 2, inLine: string, weights: ReturnType<typeof weightLoads>): string {
  const columns = columnsOf(tile, stride);
  return `var r = 0u;
  loop {
    let run = firstRun + r * ${RUN_WORDS}u;
    let sourceLine = i32(across * ${stride}u) + lines[run];
    let channel = u32(lines[run + 1u]);
    let channels = select(0u, u32(lines[run + 2u]), r < runs);
    let firstWeight = u32(lines[run + 3u]) + column;
    let rowStride = u32(lines[run + 4u]);
    let tapStride = u32(lines[run + 5u]);
    // A block without runs makes one turn, over zeros.
    let lineInside = exists & (r < runs) & (u32(sourceLine) < shape.inAcross);
    ${weights.place}
    ${inLine}
    for (var c = 0u; c < ${tile.channels === 1 ? 'channels' : '(channels + 3u) / 4u'}; c++) {
      ${times(columns, (k) => `let x${k} = ${loadSource(tile, `at${k} + c`)};`)}
      ${weights.load(`firstWeight + c * ${tile.channels}u * rowStride`)}
      ${addTaps(tile, stride)}
    }
    continuing { r += 1u; break if r >= runs; }
  }`;
}

/**
 * One loop over the input channels of all runs, in the same order; runs are a kernel's lines, one after another, with the
 * same channels. Entering a loop and leaving it costs a software adapter about a turn and a half, which counts where
 * channels are few; the addresses that it finds anew every turn cost more where they are many.
 */
function flatLoop(
  tile: Tile,
  stride: 1 | 2,
  columns: readonly { readonly offset: string; readonly inside: string }[],
  weights: ReturnType<typeof weightLoads>,
): string {
  return `let channel = u32(lines[firstRun + 1u]);
  let channels = u32(lines[firstRun + 2u]);
  let rowStride = u32(lines[firstRun + 4u]);
  let tapStride = u32(lines[firstRun + 5u]);
  ${weights.place}
  var weightAt = u32(lines[firstRun + 3u]) + column;
  var sourceLine = i32(across * ${stride}u) + lines[firstRun];
  var lineAt = imageAt + u32(sourceLine) * lineStep + channel;
  var lineInside = exists & (u32(sourceLine) < shape.inAcross);
  let toNextWeights = 3u * tapStride - (channels - 1u) * rowStride;
  let toNextLine = lineStep - (channels - 1u);
  var c = 0u;
  let turns = channels * runs;
  for (var i = 0u; i < turns; i++) {
    ${columns.map(({ offset, inside }, k) => `let at${k} = select(0u, lineAt + ${offset}, lineInside & ${inside});`).join('\n')}
    ${columns.map((_, k) => `let x${k} = ${loadSource(tile, `at${k}`)};`).join('\n')}
    ${weights.load('weightAt')}
    let lineEnds = c + 1u == channels;
    c = select(c + 1u, 0u, lineEnds);
    weightAt += select(rowStride, toNextWeights, lineEnds);
    lineAt += select(1u, toNextLine, lineEnds);
    sourceLine += i32(lineEnds);
    lineInside = exists & (u32(sourceLine) < shape.inAcross);
    ${addTaps(tile, stride)}
  }`;
}

/** Adds the products of a turn: every pixel's three taps. */
const addTaps = (tile: Tile, stride: 1 | 2): string =>
  times(tile.pixels, (p) =>
    multiplyAdd(
      tile,
      p,
      [0, 1, 2].map((tap) => `x${p * stride + tap}`),
    ),
  );

/** Pixels of a line of the input that a tile reads. */
const columnsOf = ({ pixels }: Tile, stride: 1 | 2): number => (pixels - 1) * stride + 3;

export const buffers = (tile: Tile) => ({ ...convBuffers(tile), lines: ['read', 'array<i32>'] as const });
export type LinesBuffer = keyof ReturnType<typeof buffers>;

type LineShape = Readonly<Record<'images' | 'outAcross' | 'outAlong', number>>;

/** Tiles of a layer: what the grid and the parts of the moments are counted in. */
export const lineTiles = (tile: Tile, { images, outAcross, outAlong }: LineShape): number =>
  images * outAcross * Math.ceil(outAlong / tile.pixels);

/** Threads over (image, line, tile of the line) along x, blocks of output channels along y. */
export const convLinesGrid = (tile: Tile, shape: LineShape & { readonly blocks: number }): Grid => [
  Math.min(65_535, Math.ceil(lineTiles(tile, shape) / groupTiles(tile))),
  shape.blocks,
  1,
];
