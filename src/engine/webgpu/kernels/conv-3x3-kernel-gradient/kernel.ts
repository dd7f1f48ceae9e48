import { type Kernel, ZERO_VEC4S, defineKernel } from '../../kernel.ts';
import {
  GRADIENT_BUFFERS,
  type GradientBuffer,
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
  'outWidth',
  'outVectors',
  'inHeight',
  'inWidth',
  'inVectors',
  'padTop',
  'padLeft',
  'lanes',
  'size',
] as const;
export type KernelGradient3x3Field = (typeof FIELDS)[number];

/**
 * Kernel gradient of a 3x3 convolution with stride 1 or 2: an outer product summed over pixels, split over parts of the
 * rows: `partials` is [parts, 3, 3, in, out]. Threads along x are (part, kernel row and vec4 of input channels). Columns
 * of the input that the next pixels need again stay in registers. Every thread walks the same number of rows; rows that
 * do not exist read the zero region. `source` and `gradient` are bound with their zero regions.
 */
export function conv3x3KernelGradient(
  tile: GradientTile,
  stride: 1 | 2,
): Kernel<GradientBuffer, KernelGradient3x3Field> {
  const columns = (PIXELS - 1) * stride + 3;
  const kept = columns - PIXELS * stride;
  const column = (x: string): string =>
    `source[select(0u, rowAt + u32(${x}) * inVectors, rowInside & (u32(${x}) < shape.inWidth))]`;
  const loads = gradientLoads(tile);
  return defineKernel({
    label: `conv-3x3-kernel-gradient s${stride} ${gradientTileLabel(tile)}`,
    buffers: GRADIENT_BUFFERS,
    shape: FIELDS,
    subgroups: tile.quads,
    body: `${gradientHead(tile)}
  let ky = unit / inVectors;
  let c = unit % inVectors;
  ${loads.prepare}
  ${declareOuter(tile, 3)}
  for (var i = 0u; i < shape.rowsPerPart; i++) {
    let row = part * shape.rowsPerPart + i;
    // The same in all threads of a quad: they share the loads of the gradient.
    let rowExists = row < shape.rows;
    let iy = i32((row % shape.outHeight) * ${stride}u + ky) - i32(shape.padTop);
    let rowInside = rowExists & (ky < 3u) & (u32(iy) < shape.inHeight);
    let rowAt = ${ZERO_VEC4S}u
      + u32((i32(row / shape.outHeight) * i32(shape.inHeight) + iy) * i32(shape.inWidth)) * inVectors + c;
    let gradientRow = ${ZERO_VEC4S}u + row * shape.outWidth * outVectors + block;
    ${times(kept, (k) => `var k${k} = ${column(`(${k} - i32(shape.padLeft))`)};`)}
    for (var ox = 0u; ox < shape.outWidth; ox += ${PIXELS}u) {
      ${times(kept, (k) => `let x${k} = k${k};`)}
      let firstX = i32(ox * ${stride}u) - i32(shape.padLeft);
      ${times(columns - kept, (k) => `let ix${kept + k} = firstX + ${kept + k}; let x${kept + k} = ${column(`ix${kept + k}`)};`)}
      ${loads.load}
      ${times(3, (kx) =>
        addOuter(
          tile,
          kx,
          Array.from({ length: PIXELS }, (_, pixel) => `x${pixel * stride + kx}`),
        ),
      )}
      ${times(kept, (k) => `k${k} = x${columns - kept + k};`)}
    }
  }
  let parts = (shape.rows + shape.rowsPerPart - 1u) / shape.rowsPerPart;
  if (part < parts && ky < 3u) {
    ${times(3, (kx) => storeOuter(tile, kx, `((ky * 3u + ${kx}u) * inVectors + c) * 4u`))}
  }
}`,
  });
}
