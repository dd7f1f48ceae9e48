import { type Kernel, ZERO_VEC4S, defineKernel } from '../../kernel.ts';
import {
  GRADIENT_BUFFERS,
  type GradientTile,
  PIXELS,
  addOuter,
  declareOuter,
  gradientHead,
  gradientLoads,
  gradientTileLabel,
  storeOuter,
} from '../conv/kernel-gradient.ts';
import { times } from '../conv/tile.ts';

export const FIELDS = [
  'lines',
  'linesPerPart',
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
  'units',
  'lanes',
  'size',
] as const;
export type KernelGradientLinesField = (typeof FIELDS)[number];
export type GradientLinesBuffer = keyof typeof GRADIENT_BUFFERS | 'table';

/** Three taps in a line for four input channels: where they are read, and their rows of the lowered matrix. */
export interface LineUnit {
  /** Lines from the pixel's own. */
  readonly across: number;
  /** Vec4 of input channels. */
  readonly vector: number;
  /** Row of the first tap and channel, and rows from tap to tap. */
  readonly row: number;
  readonly tapRows: number;
}

export const UNIT_WORDS = 4;

export const lineUnitTable = (units: readonly LineUnit[]): Int32Array =>
  Int32Array.from(units.flatMap(({ across, vector, row, tapRows }) => [across, vector, row, tapRows]));

/**
 * Kernel gradient where taps lie in lines of three (see `convLines`), stride 1 or 2: an outer product summed over pixels,
 * split over parts of the lines: `partials` is [parts, rows of the lowered matrix, out]. Threads along x are (part, unit).
 * Pixels of the input that the next ones need again stay in registers, unless the tile is `flat`. Every thread walks the
 * same number of lines; lines that do not exist read the zero region. `source` and `gradient` are bound with their zero regions.
 */
export function convLinesKernelGradient(
  tile: GradientTile,
  stride: 1 | 2,
): Kernel<GradientLinesBuffer, KernelGradientLinesField> {
  const columns = (PIXELS - 1) * stride + 3;
  const kept = columns - PIXELS * stride;
  const loads = gradientLoads(tile);
  const column = (x: string): string =>
    `vec4f(source[select(0u, lineAt + u32(${x}) * pixelStep, lineInside & (u32(${x}) < shape.inAlong))])`;
  const multiply = times(3, (tap) =>
    addOuter(
      tile,
      tap,
      Array.from({ length: PIXELS }, (_, pixel) => `x${pixel * stride + tap}`),
    ),
  );
  const loadColumns = (from: number): string => `
      let firstX = i32(ox * ${stride}u) - i32(shape.padAlong);
      ${times(columns - from, (k) => `let ix${from + k} = firstX + ${from + k}; let x${from + k} = ${column(`ix${from + k}`)};`)}`;
  /** Where line `line`, number `across` of `image`, lies in the input and in the gradient. */
  const addresses = `
    // The same in all threads of a quad: they share the loads of the gradient.
    let lineExists = line < shape.lines;
    let sourceLine = i32(across * ${stride}u) + lineOffset;
    let lineInside = lineExists & (unit < shape.units) & (u32(sourceLine) < shape.inAcross);
    let lineAt = ${ZERO_VEC4S}u
      + u32(i32(image * shape.inAcross * shape.inAlong) + sourceLine * i32(shape.inLine)) * inVectors + c;
    let gradientLine = ${ZERO_VEC4S}u
      + (image * shape.outAcross * shape.outAlong + across * shape.outLine) * outVectors + block;`;
  const byLine = `
  for (var i = 0u; i < shape.linesPerPart; i++) {
    let line = part * shape.linesPerPart + i;
    let image = line / shape.outAcross;
    let across = line - image * shape.outAcross;
    ${addresses}
    ${times(kept, (k) => `var k${k} = ${column(`(${k} - i32(shape.padAlong))`)};`)}
    for (var ox = 0u; ox < shape.outAlong; ox += ${PIXELS}u) {
      ${times(kept, (k) => `let x${k} = k${k};`)}
      ${loadColumns(kept)}
      ${loads.load}
      ${multiply}
      ${times(kept, (k) => `k${k} = x${columns - kept + k};`)}
    }
  }`;
  const flat = `
  var line = part * shape.linesPerPart;
  var image = line / shape.outAcross;
  var across = line - image * shape.outAcross;
  var ox = 0u;
  let turns = shape.linesPerPart * ((shape.outAlong + ${PIXELS - 1}u) / ${PIXELS}u);
  for (var turn = 0u; turn < turns; turn++) {
    ${addresses}
    ${loadColumns(0)}
    ${loads.load}
    ${multiply}
    let lineEnds = ox + ${PIXELS}u >= shape.outAlong;
    ox = select(ox + ${PIXELS}u, 0u, lineEnds);
    line += u32(lineEnds);
    let imageEnds = lineEnds & (across + 1u == shape.outAcross);
    across = select(across + u32(lineEnds), 0u, imageEnds);
    image += u32(imageEnds);
  }`;
  return defineKernel({
    label: `conv-lines-kernel-gradient s${stride} ${gradientTileLabel(tile)}`,
    buffers: { ...GRADIENT_BUFFERS, table: ['read', 'array<i32>'] },
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${gradientHead(tile)}
  let entry = min(unit, shape.units - 1u) * ${UNIT_WORDS}u;
  let lineOffset = table[entry];
  let c = u32(table[entry + 1u]);
  let firstRow = u32(table[entry + 2u]);
  let tapRows = u32(table[entry + 3u]);
  let pixelStep = shape.inStep * inVectors;
  let gradientStep = shape.outStep * outVectors;
  ${loads.prepare}
  ${declareOuter(tile, 3)}
  ${tile.flat ? flat : byLine}
  let parts = (shape.lines + shape.linesPerPart - 1u) / shape.linesPerPart;
  if (part < parts && unit < shape.units) {
    ${times(3, (tap) => storeOuter(tile, tap, `firstRow + ${tap}u * tapRows`))}
  }
}`,
  });
}
