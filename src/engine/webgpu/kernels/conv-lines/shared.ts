import { type Kernel, WORKGROUP, defineKernel } from '../../kernel.ts';
import { RUN_WORDS, readBlock } from '../conv/table.ts';
import {
  type Epilogue,
  SHARED_BLOCKS,
  type Tile,
  blockVectors,
  declareAccumulators,
  groupTiles,
  epilogueLabel,
  linePixels,
  storeTile,
  tileLabel,
  times,
} from '../conv/tile.ts';
import { type ConvLinesField, type LinesBuffer, FIELDS, buffers } from './kernel.ts';

const TAPS = 3;
/** Vec4s of input channels that a work-group has in its memory at a time. */
const STAGED = 2;
/**
 * Tiles in a row of staged pixels. The four more than there are put the two vec4s that neighbouring threads write into
 * different banks.
 */
const ROW = WORKGROUP / SHARED_BLOCKS + 4;

const columnsOf = ({ pixels }: Tile, stride: 1 | 2): number => (pixels - 1) * stride + TAPS;

/** Bytes of work-group memory; WebGPU guarantees 16,384. */
export const sharedBytes = (tile: Tile, stride: 1 | 2): number =>
  16 * STAGED * (columnsOf(tile, stride) * ROW + TAPS * 4 * blockVectors(tile));

/**
 * `convLines` for GPUs, with the same buffers, shapes and table: the threads of a work-group are 16 tiles by 4 blocks of
 * output channels. Together they stage the pixels of their tiles and the weights of their channels in work-group memory,
 * 8 input channels and 3 taps at a time, so that each is loaded once instead of 4 or 16 times. A block of the table is as
 * wide as the work-group (`blockVectors`). Sums are added in the order of the register tile with four channels a turn.
 */
export function convLinesShared(
  tile: Tile,
  stride: 1 | 2,
  epilogue: Epilogue = 'plain',
): Kernel<LinesBuffer, ConvLinesField> {
  const { pixels, vectors, quads } = tile;
  const columns = columnsOf(tile, stride);
  const tiles = groupTiles(tile);
  const width = blockVectors(tile);
  /** Columns that the threads load at once: each thread loads one vec4 of one tile's pixel. */
  const atOnce = WORKGROUP / (STAGED * tiles);
  const loads = Math.ceil(columns / atOnce);
  const staged = linePixels(
    { ...tile, channels: 4 },
    Array.from({ length: loads }, (_, n) => `left + ${n * atOnce}`),
  );
  const weights = TAPS * STAGED * 4 * width;
  const weightLoads = Math.ceil(weights / WORKGROUP);
  const when = (always: boolean, condition: string, statement: string): string =>
    always ? statement : `if (${condition}) { ${statement} }`;
  return defineKernel({
    label: `conv-lines s${stride} ${tileLabel(tile)}${epilogueLabel(epilogue)}`,
    buffers: buffers(tile),
    shape: FIELDS,
    subgroups: quads,
    body: `
var<workgroup> stagedPixels: array<array<array<vec4f, ${ROW}>, ${STAGED}>, ${columns}>;
var<workgroup> stagedWeights: array<array<array<vec4f, ${width}>, ${STAGED * 4}>, ${TAPS}>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u${
      quads ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''
    }) {
  ${quads ? 'let lane = subgroupLane & 3u;' : ''}
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;
  ${readBlock('lines', 'group.y')}
  let tilesPerLine = (shape.outAlong + ${pixels - 1}u) / ${pixels}u;

  // The tile that this thread makes; neighbours along x as in the other kernels, so that a quad shares its channels.
  let ownTile = thread % ${tiles}u;
  let ownVector = thread / ${tiles}u * ${vectors}u;
  let id = vec2u(group.x * ${tiles}u + ownTile, group.y);
  let ownLine = id.x / tilesPerLine;
  let firstPixel = (id.x % tilesPerLine) * ${pixels}u;
  let vector = block + ownVector;

  // The tile that it stages pixels of: neighbours load neighbouring vec4s.
  let stagedVector = thread % ${STAGED}u;
  let stagedTile = thread / ${STAGED}u % ${tiles}u;
  let firstColumn = thread / ${STAGED * tiles}u;
  let tileIndex = group.x * ${tiles}u + stagedTile;
  let line = tileIndex / tilesPerLine;
  let image = line / shape.outAcross;
  let across = line % shape.outAcross;
  let exists = image < shape.images;
  let left = i32((tileIndex % tilesPerLine) * ${pixels * stride}u + firstColumn) - i32(shape.padAlong);

  ${staged.columns}
  ${declareAccumulators(tile)}
  for (var r = 0u; r < runs; r++) {
    let run = firstRun + r * ${RUN_WORDS}u;
    let sourceLine = i32(across * ${stride}u) + lines[run];
    let channel = u32(lines[run + 1u]);
    let inputs = (u32(lines[run + 2u]) + 3u) / 4u;
    let firstWeight = u32(lines[run + 3u]) + column;
    let rowStride = u32(lines[run + 4u]);
    let tapStride = u32(lines[run + 5u]);
    let lineInside = exists & (u32(sourceLine) < shape.inAcross);
    ${staged.inLine}
    ${times(
      weightLoads,
      (n) => `let share${n} = thread + ${n * WORKGROUP}u;
      let tap${n} = share${n} / ${STAGED * 4 * width}u;
      let row${n} = share${n} / ${width}u % ${STAGED * 4}u;
      let weight${n} = firstWeight + tap${n} * tapStride + row${n} * rowStride + share${n} % ${width}u;`,
    )}
    for (var first = 0u; first < inputs; first += ${STAGED}u) {
      workgroupBarrier();
      ${times(loads, (n) =>
        when(
          (n + 1) * atOnce <= columns,
          `firstColumn < ${columns - n * atOnce}u`,
          `stagedPixels[firstColumn + ${n * atOnce}u][stagedVector][stagedTile] = vec4f(source[at${n} + stagedVector + first]);`,
        ),
      )}
      ${times(weightLoads, (n) =>
        when(
          (n + 1) * WORKGROUP <= weights,
          `share${n} < ${weights}u`,
          `stagedWeights[tap${n}][row${n}][share${n} % ${width}u] = weights[weight${n} + first * 4u * rowStride];`,
        ),
      )}
      workgroupBarrier();
      for (var c = 0u; c < min(${STAGED}u, inputs - first); c++) {
        ${times(columns, (k) => `let x${k} = stagedPixels[${k}][c][ownTile];`)}
        ${times(TAPS, (tap) => times(4, (row) => addProducts(tile, stride, tap, row)))}
      }
    }
  }
  let ownImage = ownLine / shape.outAcross;
  let ownAcross = ownLine % shape.outAcross;
  ${storeTile(tile, epilogue, {
    valid: (p) => `(ownImage < shape.images) & (firstPixel + ${p}u < shape.outAlong)`,
    pixel: (p) =>
      `ownImage * shape.outAcross * shape.outAlong + ownAcross * shape.outLine + (firstPixel + ${p}u) * shape.outStep`,
    vector: 'vector',
    end: 'outEnd',
  })}
}`,
  });
}

/** Adds what input channel `row` of the loaded four gives through a tap. Weights live no longer than that: registers. */
const addProducts = ({ pixels, vectors }: Tile, stride: 1 | 2, tap: number, row: number): string => `{
  ${times(vectors, (v) => `let w${v} = stagedWeights[${tap}][c * 4u + ${row}u][ownVector + ${v}u];`)}
  ${times(pixels, (p) =>
    times(vectors, (v) => `a${p}_${v} = fma(vec4f(x${p * stride + tap}[${row}]), w${v}, a${p}_${v});`),
  )}
}`;
