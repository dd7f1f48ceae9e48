import { type Kernel, ZERO_VEC4S, defineKernel } from '../../kernel.ts';
import type { Run } from '../conv-rows/kernel.ts';
import {
  GRADIENT_BUFFERS,
  type GradientTile,
  PIXELS,
  addOuter,
  declareOuter,
  gradientHead,
  gradientTileLabel,
  gradientLoads,
  storeOuter,
} from '../conv/kernel-gradient.ts';
import { times } from '../conv/tile.ts';

const FIELDS = [
  'rows',
  'rowsPerPart',
  'outHeight',
  'outAlong',
  'outVectors',
  'inHeight',
  'inWidth',
  'inVectors',
  'stride',
  'units',
  'lanes',
  'size',
] as const;
export type KernelGradientRowsField = (typeof FIELDS)[number];

const UNIT_WORDS = 4;

/** Units of the kernel gradient, (dy, dx, vec4 of input channels, row of the lowered matrix): four rows each. */
export function unitTable(runs: readonly Run[], outVectors: number): Int32Array {
  return Int32Array.from(
    runs.flatMap((run) =>
      Array.from({ length: Math.ceil(run.channels / 4) }, (_, vector) => [
        run.dy,
        run.dx,
        run.channel / 4 + vector,
        run.weights / outVectors + 4 * vector,
      ]).flat(),
    ),
  );
}

export const unitCount = (runs: readonly Run[]): number =>
  runs.reduce((sum, run) => sum + Math.ceil(run.channels / 4), 0);

/**
 * Kernel gradient over a table of rows (see `convRows`): a thread takes four rows of one tap. `partials` is
 * [parts, rows of the lowered matrix, out]; `stride` is the convolution's.
 */
export function convRowsKernelGradient(
  tile: GradientTile,
): Kernel<keyof typeof GRADIENT_BUFFERS | 'units', KernelGradientRowsField> {
  const columns = times(
    PIXELS,
    (pixel) => `let ix${pixel} = i32((ox + ${pixel}u) * shape.stride) + dx;
      let x${pixel} = vec4f(source[select(0u, rowAt + u32(ix${pixel}) * inVectors, rowInside & (u32(ix${pixel}) < shape.inWidth))]);`,
  );
  const loads = gradientLoads(tile);
  return defineKernel({
    label: `conv-rows-kernel-gradient ${gradientTileLabel(tile)}`,
    buffers: { ...GRADIENT_BUFFERS, units: ['read', 'array<i32>'] },
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${gradientHead(tile, '(shape.rows + shape.rowsPerPart - 1u) / shape.rowsPerPart')}
  let entry = min(unit, shape.units - 1u) * ${UNIT_WORDS}u;
  let dy = units[entry];
  let dx = units[entry + 1u];
  let c = u32(units[entry + 2u]);
  let firstRow = u32(units[entry + 3u]);
  let gradientStep = outVectors;
  ${loads.prepare}
  ${declareOuter(tile, 1)}
  for (var i = 0u; i < shape.rowsPerPart; i++) {
    let row = part * shape.rowsPerPart + i;
    let lineExists = row < shape.rows;
    let iy = i32((row % shape.outHeight) * shape.stride) + dy;
    let rowInside = lineExists & (unit < shape.units) & (u32(iy) < shape.inHeight);
    let rowAt = ${ZERO_VEC4S}u
      + u32((i32(row / shape.outHeight) * i32(shape.inHeight) + iy) * i32(shape.inWidth)) * inVectors + c;
    let gradientLine = ${ZERO_VEC4S}u + row * shape.outAlong * outVectors + block;
    for (var ox = 0u; ox < shape.outAlong; ox += ${PIXELS}u) {
      ${columns}
      ${loads.load}
      ${addOuter(
        tile,
        0,
        Array.from({ length: PIXELS }, (_, pixel) => `x${pixel}`),
      )}
    }
  }
  if (unit < shape.units) {
    ${storeOuter(tile, 0, 'firstRow')}
  }
}`,
  });
}
