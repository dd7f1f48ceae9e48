import { samePadLow } from '../../../core/network/index.ts';
import type { PlanContext } from './context.ts';
import type { Unit } from './units.ts';

export type LayerUnit = Extract<Unit, { kind: 'layer' }>;

/** A convolution over the batch as the kernels see it; a dense layer is a 1x1 convolution. */
export interface Geometry {
  readonly images: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly inVectors: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly outVectors: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padTop: number;
  readonly padLeft: number;
}

/** `rowwise`: a dense layer's batch lies along x (tiles of pixels share weights); otherwise along the rows. */
export function geometryOf(context: PlanContext, unit: LayerUnit, rowwise: boolean): Geometry {
  const input = context.extent(unit.node.input);
  const output = context.extent(unit.output);
  const vectors = { inVectors: input.vectors, outVectors: output.vectors };
  if (unit.node.op === 'dense') {
    const width = rowwise ? context.batch : 1;
    return {
      ...vectors,
      images: rowwise ? 1 : context.batch,
      inHeight: 1,
      inWidth: width,
      outHeight: 1,
      outWidth: width,
      kernel: 1,
      stride: 1,
      padTop: 0,
      padLeft: 0,
    };
  }
  const { kernel, stride, id } = unit.node;
  if (kernel !== 1 && kernel !== 3)
    throw new Error(`"${id}": this engine runs 1x1 and 3x3 convolutions, not ${kernel}x${kernel}`);
  const [inHeight, inWidth] = input.shape;
  const [outHeight, outWidth] = output.shape;
  return {
    ...vectors,
    images: context.batch,
    inHeight,
    inWidth,
    outHeight,
    outWidth,
    kernel,
    stride,
    padTop: samePadLow(inHeight, kernel, stride),
    padLeft: samePadLow(inWidth, kernel, stride),
  };
}

/** Multiply-adds of one pass over a convolution, padding of channels included. */
export const convCost = (g: Geometry): number =>
  g.images * g.outHeight * g.outWidth * g.kernel * g.kernel * g.inVectors * g.outVectors * 16;
