import type { LoweredSize } from '../../core/sparsity/index.ts';
import { compactNumber, percent } from '../widgets/format.ts';
import { type LayerPicture, survivingWeights } from './layer-picture.ts';

const whole = (value: number): string => value.toLocaleString('en');

/** Multiply-adds of one image: dense, now, and what share that is. */
export const macsText = (dense: LoweredSize, now: LoweredSize): string =>
  dense.macs === now.macs
    ? `${compactNumber(dense.macs)} MACs, as when dense.`
    : `${compactNumber(dense.macs)} → ${compactNumber(now.macs)} MACs (${percent(now.macs / dense.macs)}).`;

/**
 * What the drawn matrices are: those of a compact layer, of one whose weights are masked, or an illustration with the
 * constraint the other way round (`own` is the run's layer in any case).
 */
export function productText(
  kind: 'compact' | 'masked' | 'illustration',
  own: LayerPicture,
  now: LoweredSize,
  rows: readonly boolean[],
): string {
  const left = own.inputs.filter(Boolean).length * own.layer.taps;
  switch (kind) {
    case 'illustration':
      return own.free
        ? `Illustration: with one offset for each source map, at the same stride, ${whole(now.rows)} of ${whole(left)} rows would be left.`
        : `Illustration: with a random offset for each kernel, at the same stride, ${whole(now.rows)} of ${whole(left)} rows would still be needed.`;
    case 'masked': {
      const weights = now.outputs * now.rows;
      const zero = weights - survivingWeights(own);
      const all = now.rows === left ? `all ${whole(left)} rows` : `these ${whole(now.rows)} rows`;
      return `${percent(zero / weights)} of the weights are zero, but the matrix product keeps ${all}: it does not shrink.`;
    }
    case 'compact':
      return rows.every(Boolean) && own.outputs.every(Boolean)
        ? 'Nothing has left yet.'
        : 'A column of the kernels leaves together with its row of the feature maps.';
  }
}
