import { type TapPattern, keptTaps } from '../network/taps.ts';

/** A stride and an offset: the kept taps are offset, offset + stride, ... */
export interface Interval {
  readonly stride: number;
  readonly offset: number;
}

/**
 * The stride and offset of a sorted list of kept taps (section 4.4, ours). A single tap, which several pairs keep, gets
 * the stride `taps`. Throws a sentence when no pair keeps just this list.
 */
export function intervalOf(list: readonly number[], taps: number): Interval {
  const [offset, second] = list;
  if (offset === undefined) throw new Error('sparsity: a pattern keeps at least one tap');
  const stride = second === undefined ? taps : second - offset;
  const same =
    Number.isInteger(offset) && Number.isInteger(stride) && stride >= 1 && stride <= taps && offset >= 0
      ? keptTaps(stride, offset, taps)
      : [];
  if (offset >= stride || same.length !== list.length || same.some((tap, i) => tap !== list[i])) {
    throw new Error(`sparsity: no stride and offset keep just the taps ${list.join(', ')} of ${taps}`);
  }
  return { stride, offset };
}

/** A row of the lowered feature maps, and the column of the lowered kernels that it is multiplied by. */
export interface LoweredRow {
  readonly channel: number;
  readonly tap: number;
}

/** The row table of a pattern (section 4.3 step 2): kept taps, source map after source map. */
export const rowTable = ({ stride, offsets }: TapPattern, taps: number): readonly LoweredRow[] =>
  offsets.flatMap((offset, channel) => keptTaps(stride, offset, taps).map((tap) => ({ channel, tap })));

/** Whether no kernel of odd side sees its centre pixel: legal, but worth a warning (section 4.5). */
export const missesCentre = ({ stride, offsets }: TapPattern, taps: number): boolean =>
  taps % 2 === 1 && offsets.every((offset) => !keptTaps(stride, offset, taps).includes((taps - 1) / 2));
