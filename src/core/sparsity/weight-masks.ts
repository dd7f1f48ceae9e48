import type { TapPattern } from '../network/taps.ts';
import { keepsTap } from '../network/taps.ts';
import type { ConvLayer } from './layers.ts';

/** Dimensions of a lowered convolution: kernels D x K', feature maps K' x P, and D K' P multiply-adds (section 4.2). */
export interface LoweredSize {
  readonly outputs: number;
  readonly rows: number;
  readonly positions: number;
  readonly macs: number;
}

type Shape = Pick<ConvLayer, 'inputs' | 'outputs' | 'taps'>;

/** A 0/1 tensor in the shape of the layer's kernel, as UpdateRule.mask takes it. */
function weightMask(
  { inputs, outputs, taps }: Shape,
  kept: (c: number, d: number, tap: number) => boolean,
): Float32Array {
  const mask = new Float32Array(taps * inputs * outputs);
  let index = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let c = 0; c < inputs; c++) {
      for (let d = 0; d < outputs; d++) mask[index++] = Number(kept(c, d, tap));
    }
  }
  return mask;
}

/** Strided taps under the constraint: every kernel of a source map keeps the same ones. */
export const stridedMask = (layer: Shape, pattern: TapPattern): Float32Array =>
  weightMask(layer, (c, _, tap) => keepsTap(pattern, c, tap));

/** Strided taps without the constraint: an offset for each kernel, at c * outputs + d. */
export const unconstrainedMask = (layer: Shape, pattern: TapPattern): Float32Array =>
  weightMask(layer, (c, d, tap) => keepsTap(pattern, c * layer.outputs + d, tap));

/** Whole kernels: a bit for each, at c * outputs + d, 1 where it is kept. */
export const kernelMask = (layer: Shape, bits: ArrayLike<number>): Float32Array =>
  weightMask(layer, (c, d) => bits[c * layer.outputs + d] === 1);

/**
 * Sizes of the matrix product that a weight mask leaves for `images` images: a row (source map, tap) goes only where
 * every output map's weight is pruned.
 */
export function loweredSize(
  { inputs, outputs, taps, positions }: Shape & Pick<ConvLayer, 'positions'>,
  mask: ArrayLike<number>,
  images = 1,
): LoweredSize {
  let rows = 0;
  for (let row = 0; row < taps * inputs; row++) {
    for (let d = 0; d < outputs; d++) {
      if (mask[row * outputs + d] === 0) continue;
      rows++;
      break;
    }
  }
  return { outputs, rows, positions: positions * images, macs: outputs * rows * positions * images };
}
