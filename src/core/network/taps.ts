/**
 * Intra-kernel strided sparsity of one convolution (strided.md section 4): every kernel that leaves input channel c keeps
 * the taps offsets[c], offsets[c] + stride, ... of its kernel, counted row by row from 0. One pattern a source map is what
 * lets whole rows of the lowered matrix go, so that forward and both gradients shrink. Not the convolution's own stride.
 */
export interface TapPattern {
  readonly stride: number;
  /** One offset for each input channel. */
  readonly offsets: readonly number[];
}

/** Kept taps of a source map, ascending: offset, offset + stride, ... below `taps`. */
export const keptTaps = (stride: number, offset: number, taps: number): readonly number[] =>
  Array.from({ length: Math.max(0, Math.ceil((taps - offset) / stride)) }, (_, i) => offset + i * stride);

/** Whether a pattern keeps a tap of an input channel. */
export const keepsTap = ({ stride, offsets }: TapPattern, channel: number, tap: number): boolean => {
  const offset = offsets[channel] ?? 0;
  return tap >= offset && (tap - offset) % stride === 0;
};

/** Throws a sentence when a pattern does not fit a convolution with `inputs` input channels and `taps` taps. */
export function checkTaps(conv: string, pattern: TapPattern, inputs: number, taps: number): void {
  const { stride, offsets } = pattern;
  if (!Number.isInteger(stride) || stride < 1 || stride > taps) {
    throw new Error(`structure: the stride of the taps of "${conv}" must be a whole number from 1 to ${taps}`);
  }
  if (offsets.length !== inputs) {
    throw new Error(
      `structure: "${conv}" needs ${inputs} tap offsets, one for each source map; there are ${offsets.length}`,
    );
  }
  const wrong = offsets.find((offset) => !Number.isInteger(offset) || offset < 0 || offset >= stride);
  if (wrong !== undefined) {
    throw new Error(`structure: tap offset ${wrong} of "${conv}" must be a whole number from 0 to ${stride - 1}`);
  }
}
