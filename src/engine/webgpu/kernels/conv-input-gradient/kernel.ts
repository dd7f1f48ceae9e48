import { type Grid, type Kernel, ZERO_VEC4S, defineKernel, groupsFor } from '../../kernel.ts';
import {
  CONV_BUFFERS,
  CONV_FIELDS,
  type ConvBuffer,
  type ConvField,
  type Tile,
  convHead,
  declareAccumulators,
  loadWeights,
  multiplyAdd,
  storeAccumulators,
  tileLabel,
  times,
} from '../conv-forward/kernel.ts';

/**
 * Input gradient of a strided convolution, by gathering. "out" is the gradient of the layer's input, "in" the gradient
 * of its output (`source`, bound with its zero region), `weights` are transposed: [kernel, kernel, out, in].
 *
 * Pixels of equal column phase (x mod stride) use the same taps, so a thread takes a tile of one phase and loops only
 * over taps that exist: (y + pad - ky) and (x + pad - kx) must be multiples of the stride. Phases are spread over
 * work-groups, so that the loops of a work-group are uniform.
 */
export function convInputGradient(tile: Tile): Kernel<ConvBuffer, ConvField> {
  return defineKernel({
    label: `conv-input-gradient ${tileLabel(tile)}`,
    buffers: CONV_BUFFERS,
    shape: CONV_FIELDS,
    subgroups: tile.quads,
    body: `${convHead(tile)}
  let rowPhase = group.z / shape.stride;
  let columnPhase = group.z % shape.stride;
  let rowsOfPhase = (shape.outHeight + shape.stride - 1u - rowPhase) / shape.stride;
  let columnsOfPhase = (shape.outWidth + shape.stride - 1u - columnPhase) / shape.stride;
  let tilesPerRow = (columnsOfPhase + ${tile.pixels - 1}u) / ${tile.pixels}u;
  let images = shape.rows / shape.outHeight;
  let index = id.x / max(tilesPerRow, 1u);
  let image = index / max(rowsOfPhase, 1u);
  let exists = (image < images) & (tilesPerRow > 0u) & (rowsOfPhase > 0u);
  let y = rowPhase + (index % max(rowsOfPhase, 1u)) * shape.stride;
  let firstX = columnPhase + (id.x % max(tilesPerRow, 1u)) * ${tile.pixels}u * shape.stride;
  ${declareAccumulators(tile)}
  for (var ky = (rowPhase + shape.padTop) % shape.stride; ky < shape.kernel; ky += shape.stride) {
    let iy = (i32(y + shape.padTop) - i32(ky)) / i32(shape.stride);
    let rowInside = exists & (y + shape.padTop >= ky) & (iy < i32(shape.inHeight));
    for (var kx = (columnPhase + shape.padLeft) % shape.stride; kx < shape.kernel; kx += shape.stride) {
      // Exact division: both terms have the same remainder. The offset keeps it non-negative for truncation.
      let left = (i32(firstX + shape.padLeft + shape.kernel * shape.stride) - i32(kx)) / i32(shape.stride)
        - i32(shape.kernel);
      ${times(
        tile.pixels,
        (p) => `let ix${p} = left + ${p};
      let at${p} = select(0u, ${ZERO_VEC4S}u
          + u32((i32(image) * i32(shape.inHeight) + iy) * i32(shape.inWidth) + ix${p}) * inVectors,
        rowInside & (u32(ix${p}) < shape.inWidth));`,
      )}
      let tap = (ky * shape.kernel + kx) * inVectors * 4u;
      for (var c = 0u; c < inVectors; c++) {
        ${loadWeights(tile, 'tap + c * 4u')}
        ${times(tile.pixels, (p) => `{ let x = source[at${p} + c]; ${multiplyAdd(tile, p, 'x')} }`)}
      }
    }
  }
  ${storeAccumulators(
    tile,
    (p) => `exists && firstX + ${p}u * shape.stride < shape.outWidth`,
    (p) => `(image * shape.outHeight + y) * shape.outWidth + firstX + ${p}u * shape.stride`,
  )}
}`,
  });
}

/** Threads over (image, row and tile of one phase) along x, channel blocks along y, phases along z. */
export function inputGradientGrid(
  tile: Tile,
  shape: { images: number; outHeight: number; outWidth: number; outVectors: number; stride: number },
): Grid {
  const rows = shape.images * Math.ceil(shape.outHeight / shape.stride);
  const tiles = Math.ceil(Math.ceil(shape.outWidth / shape.stride) / tile.pixels);
  return [groupsFor(rows * tiles), Math.ceil(shape.outVectors / tile.vectors), shape.stride * shape.stride];
}
