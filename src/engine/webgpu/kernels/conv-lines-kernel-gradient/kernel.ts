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
 * split over parts of the lines: `partials` is [parts, rows of the lowered matrix, out].
 * Every thread walks the same number of lines; lines that do not exist read the zero region. `source` and `gradient` are
 * bound with their zero regions.
 *
 * One loop goes over all pixels of a part: entering a loop and leaving it costs more than a turn on software adapters,
 * and lines may be short. Columns of the input that the next turn needs again stay in registers, from line to line too:
 * the last column that a turn reads is the first whole one of the next line where a line ends, since all that the
 * turn itself could read there is padding. For stride 1 this takes a padding of one column, as three taps have it.
 */
export function convLinesKernelGradient(
  tile: GradientTile,
  stride: 1 | 2,
): Kernel<GradientLinesBuffer, KernelGradientLinesField> {
  const columns = (PIXELS - 1) * stride + 3;
  const kept = columns - PIXELS * stride;
  const last = columns - 1;
  const loads = gradientLoads(tile);
  const multiply = times(3, (tap) =>
    addOuter(
      tile,
      tap,
      Array.from({ length: PIXELS }, (_, pixel) => `x${pixel * stride + tap}`),
    ),
  );
  const column = (x: string): string =>
    `vec4f(source[select(0u, lineAt + u32(${x}) * pixelStep, lineInside & (u32(${x}) < shape.inAlong))])`;
  const sourceLine = `(i32(across * ${stride}u) + lineOffset)`;
  const lineAt = `sourceAt + u32(i32(image * shape.inAcross * shape.inAlong) + ${sourceLine} * i32(shape.inLine)) * inVectors`;
  const lineInside = `(line < shape.lines) & (unit < shape.units) & (u32(${sourceLine}) < shape.inAcross)`;
  return defineKernel({
    label: `conv-lines-kernel-gradient s${stride} ${gradientTileLabel(tile)}`,
    buffers: { ...GRADIENT_BUFFERS, table: ['read', 'array<i32>'] },
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${gradientHead(tile, '(shape.lines + shape.linesPerPart - 1u) / shape.linesPerPart')}
  let entry = min(unit, shape.units - 1u) * ${UNIT_WORDS}u;
  let lineOffset = table[entry];
  let sourceAt = ${ZERO_VEC4S}u + u32(table[entry + 1u]);
  let gradientAt = ${ZERO_VEC4S}u + block;
  let firstRow = u32(table[entry + 2u]);
  let tapRows = u32(table[entry + 3u]);
  let pixelStep = shape.inStep * inVectors;
  let gradientStep = shape.outStep * outVectors;
  let padAlong = i32(shape.padAlong);
  ${loads.prepare}
  ${declareOuter(tile, 3)}
  var line = part * shape.linesPerPart;
  var image = line / shape.outAcross;
  var across = line - image * shape.outAcross;
  var ox = 0u;
  var lineAt = ${lineAt};
  var lineInside = ${lineInside};
  ${times(kept, (k) => `var k${k} = ${column(`(${k} - padAlong)`)};`)}
  let turns = shape.linesPerPart * ((shape.outAlong + ${PIXELS - 1}u) / ${PIXELS}u);
  for (var turn = 0u; turn < turns; turn++) {
    // The same in all threads of a quad: they share the loads of the gradient.
    let lineExists = line < shape.lines;
    let gradientLine = gradientAt + (image * shape.outAcross * shape.outAlong + across * shape.outLine) * outVectors;
    ${loads.load}
    let firstX = i32(ox * ${stride}u) - padAlong;
    ${times(kept, (k) => `let x${k} = k${k};`)}
    ${times(last - kept, (i) => `let at${i} = firstX + ${kept + i}; let x${kept + i} = ${column(`at${i}`)};`)}

    let lineEnds = ox + ${PIXELS}u >= shape.outAlong;
    let imageEnds = lineEnds & (across + 1u == shape.outAcross);
    ox = select(ox + ${PIXELS}u, 0u, lineEnds);
    line += u32(lineEnds);
    across = select(across + u32(lineEnds), 0u, imageEnds);
    image += u32(imageEnds);
    lineAt = ${lineAt};
    lineInside = ${lineInside};
    let nextX = i32(ox * ${stride}u) + ${kept - 1} - padAlong;
    let next = ${column('nextX')};
    let x${last} = select(next, vec4f(0), lineEnds);
    ${multiply}
    ${times(kept - 1, (k) => `k${k} = select(x${columns - kept + k}, vec4f(0), lineEnds);`)}
    k${kept - 1} = next;
  }
  if (unit < shape.units) {
    ${times(3, (tap) => storeOuter(tile, tap, `firstRow + ${tap}u * tapRows`))}
  }
}`,
  });
}
