import { type Kernel, WORKGROUP, ZERO_VEC4S, defineKernel } from '../../kernel.ts';
import {
  GRADIENT_BUFFERS,
  type GradientTile,
  PIXELS,
  SHARED_UNITS,
  addOuter,
  declareOuter,
  gradientTileLabel,
  storeOuter,
} from '../conv/kernel-gradient.ts';
import { blockVectors, times } from '../conv/tile.ts';
import { FIELDS, type GradientLinesBuffer, type KernelGradientLinesField, UNIT_WORDS } from './kernel.ts';

const TAPS = 3;
/** Pixels of a line of the output's gradient that a work-group has in its memory at a time. */
const STAGED = 8;

const columnsOf = (stride: 1 | 2): number => (STAGED - 1) * stride + TAPS;

/** Bytes of work-group memory; WebGPU guarantees 16,384. */
export const sharedGradientBytes = (tile: GradientTile, stride: 1 | 2): number =>
  16 * (columnsOf(stride) * SHARED_UNITS + STAGED * blockVectors(tile));

/**
 * `convLinesKernelGradient` for GPUs, with the same buffers, shapes, table and parts: the threads of a work-group are 16
 * units by 4 blocks of output channels of one part (`splitShape` counts them). Together they stage the pixels that the
 * units read and the gradients of the blocks in work-group memory, 8 pixels of a line at a time, so that each is loaded
 * once instead of 4 or 16 times.
 */
export function convLinesKernelGradientShared(
  tile: GradientTile,
  stride: 1 | 2,
): Kernel<GradientLinesBuffer, KernelGradientLinesField> {
  const columns = columnsOf(stride);
  const width = blockVectors(tile);
  /** Columns that the threads load at once: each loads one vec4 of its own unit. */
  const atOnce = WORKGROUP / SHARED_UNITS;
  const gradients = STAGED * width;
  const when = (always: boolean, condition: string, statement: string): string =>
    always ? statement : `if (${condition}) { ${statement} }`;
  return defineKernel({
    label: `conv-lines-kernel-gradient s${stride} ${gradientTileLabel(tile)}`,
    buffers: { ...GRADIENT_BUFFERS, table: ['read', 'array<i32>'] },
    shape: FIELDS,
    body: `
var<workgroup> stagedSource: array<array<vec4f, ${SHARED_UNITS}>, ${columns}>;
var<workgroup> stagedGradient: array<array<vec4f, ${width}>, ${STAGED}>;

@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(local_invocation_index) thread: u32, @builtin(workgroup_id) group: vec3u) {
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;
  let groupsPerPart = shape.lanes / ${WORKGROUP}u;
  let part = group.x / groupsPerPart;
  let ownUnit = thread % ${SHARED_UNITS}u;
  let unit = (group.x % groupsPerPart) * ${SHARED_UNITS}u + ownUnit;
  let ownVector = thread / ${SHARED_UNITS}u * ${tile.vectors}u;
  let firstBlock = group.y * ${width}u;
  let block = firstBlock + ownVector;
  let entry = min(unit, shape.units - 1u) * ${UNIT_WORDS}u;
  let lineOffset = table[entry];
  let c = u32(table[entry + 1u]);
  let firstRow = u32(table[entry + 2u]);
  let tapRows = u32(table[entry + 3u]);
  let pixelStep = shape.inStep * inVectors;
  let gradientStep = shape.outStep * outVectors;
  let firstColumn = thread / ${SHARED_UNITS}u;
  ${declareOuter(tile, TAPS)}
  for (var i = 0u; i < shape.linesPerPart; i++) {
    let line = part * shape.linesPerPart + i;
    let lineExists = line < shape.lines;
    let image = line / shape.outAcross;
    let across = line % shape.outAcross;
    let sourceLine = i32(across * ${stride}u) + lineOffset;
    let lineInside = lineExists & (unit < shape.units) & (u32(sourceLine) < shape.inAcross);
    let lineAt = ${ZERO_VEC4S}u
      + u32(i32(image * shape.inAcross * shape.inAlong) + sourceLine * i32(shape.inLine)) * inVectors + c;
    let gradientLine = ${ZERO_VEC4S}u
      + (image * shape.outAcross * shape.outAlong + across * shape.outLine) * outVectors + firstBlock;
    for (var ox = 0u; ox < shape.outAlong; ox += ${STAGED}u) {
      let firstX = i32(ox * ${stride}u + firstColumn) - i32(shape.padAlong);
      workgroupBarrier();
      ${times(Math.ceil(columns / atOnce), (n) =>
        when(
          (n + 1) * atOnce <= columns,
          `firstColumn < ${columns - n * atOnce}u`,
          `let x${n} = u32(firstX + ${n * atOnce});
          stagedSource[firstColumn + ${n * atOnce}u][ownUnit] =
            vec4f(source[select(0u, lineAt + x${n} * pixelStep, lineInside & (x${n} < shape.inAlong))]);`,
        ),
      )}
      ${times(Math.ceil(gradients / WORKGROUP), (n) =>
        when(
          (n + 1) * WORKGROUP <= gradients,
          `thread < ${gradients - n * WORKGROUP}u`,
          `let share${n} = thread + ${n * WORKGROUP}u;
          let pixel${n} = ox + share${n} / ${width}u;
          stagedGradient[share${n} / ${width}u][share${n} % ${width}u] = vec4f(gradient[select(
            0u, gradientLine + pixel${n} * gradientStep + share${n} % ${width}u, lineExists & (pixel${n} < shape.outAlong))]);`,
        ),
      )}
      workgroupBarrier();
      for (var pixel = 0u; pixel < min(${STAGED}u, shape.outAlong - ox); pixel += ${PIXELS}u) {
        ${times((PIXELS - 1) * stride + TAPS, (k) => `let x${k} = stagedSource[pixel * ${stride}u + ${k}u][ownUnit];`)}
        ${times(PIXELS, (p) =>
          times(tile.vectors, (v) => `let g${p}_${v} = stagedGradient[pixel + ${p}u][ownVector + ${v}u];`),
        )}
        ${times(TAPS, (tap) =>
          addOuter(
            tile,
            tap,
            Array.from({ length: PIXELS }, (_, pixel) => `x${pixel * stride + tap}`),
          ),
        )}
      }
    }
  }
  if (unit < shape.units) {
    ${times(TAPS, (tap) => storeOuter(tile, tap, `firstRow + ${tap}u * tapRows`))}
  }
}`,
  });
}
