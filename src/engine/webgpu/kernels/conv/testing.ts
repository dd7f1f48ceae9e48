import { sameOutput, samePadLow } from '../../../../core/network/index.ts';
import { vec4s } from '../../kernel.ts';
import { type Geometry, lowered } from '../../plan/geometry.ts';
import type { ConvCase } from '../../testing.ts';

/** A test's convolution as the kernels see it, its classes one behind the other and `same` padding around. */
export function geometryOf(
  { images, height, width, classes, outputs, kernel, stride }: ConvCase,
  form: Geometry['form'],
): Geometry {
  let channel = 0;
  const placed = classes.map(({ channels, taps }) => {
    const start = channel;
    channel += vec4s(channels) * 4;
    return { channel: start, channels, taps };
  });
  return {
    images,
    inHeight: height,
    inWidth: width,
    inVectors: channel / 4,
    inChannels: classes.length === 1 ? (classes[0]?.channels ?? 0) : channel,
    outHeight: sameOutput(height, stride),
    outWidth: sameOutput(width, stride),
    outVectors: vec4s(outputs),
    outChannels: outputs,
    kernel,
    stride,
    padTop: samePadLow(height, kernel, stride),
    padLeft: samePadLow(width, kernel, stride),
    classes: placed,
    form,
  };
}

/** Place of each input channel. */
export const placesOf = (g: Geometry): readonly number[] =>
  g.classes.flatMap(({ channel, channels }) => Array.from({ length: channels }, (_, i) => channel + i));

/** Calls back for each weight that is kept: its index in tfjs' layout and in the kernels'. */
export function eachWeight(g: Geometry, visit: (plain: number, padded: number) => void): void {
  const inputs = placesOf(g).length;
  let row = 0;
  let input = 0;
  for (const { channels, taps } of g.classes) {
    for (const tap of taps) {
      for (let c = 0; c < channels; c++) {
        for (let o = 0; o < g.outChannels; o++) {
          visit((tap * inputs + input + c) * g.outChannels + o, (row + c) * g.outVectors * 4 + o);
        }
      }
      row += vec4s(channels) * 4;
    }
    input += channels;
  }
}

/** Kept weights in the kernels' layout. */
export function placeWeights(g: Geometry, plain: ArrayLike<number>): Float32Array {
  const result = new Float32Array(lowered(g).rows * g.outVectors * 4);
  eachWeight(g, (from, to) => (result[to] = plain[from] ?? NaN));
  return result;
}

/** [pixels, input channels], each channel in its place. */
export function placeInputs(g: Geometry, plain: ArrayLike<number>): Float32Array {
  const places = placesOf(g);
  const result = new Float32Array((plain.length / places.length) * g.inVectors * 4);
  for (let i = 0; i < plain.length; i++) {
    const at = Math.floor(i / places.length) * g.inVectors * 4 + (places[i % places.length] ?? NaN);
    result[at] = plain[i] ?? NaN;
  }
  return result;
}
