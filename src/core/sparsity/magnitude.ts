import type { ChannelGroup } from '../network/groups.ts';
import { type TapPattern, keptTaps } from '../network/taps.ts';
import type { ConvLayer } from './layers.ts';
import type { UnitCount } from './masks.ts';

/**
 * Baseline choices by sums of absolute weights (section 5.2, last paragraph; ours). Weights are full-size HWIO kernels.
 */
type Shape = Pick<ConvLayer, 'inputs' | 'outputs' | 'taps'>;
type Weights = ArrayLike<number>;

/** Sum of |w| of each kernel, at c * outputs + d. */
export function kernelNorms({ inputs, outputs, taps }: Shape, weights: Weights): Float64Array {
  const kernels = inputs * outputs;
  const norms = new Float64Array(kernels);
  for (let i = 0; i < taps * kernels; i++) {
    norms[i % kernels] = (norms[i % kernels] ?? 0) + Math.abs(weights[i] ?? 0);
  }
  return norms;
}

/** Sum of |w| of all kernels that write each of a group's maps. */
export function mapNorms(
  { channels, producers }: Pick<ChannelGroup, 'channels' | 'producers'>,
  kernelOf: (conv: string) => Weights,
): Float64Array {
  const norms = new Float64Array(channels);
  for (const id of producers) {
    const weights = kernelOf(id);
    for (let i = 0; i < weights.length; i++) {
      norms[i % channels] = (norms[i % channels] ?? 0) + Math.abs(weights[i] ?? 0);
    }
  }
  return norms;
}

/** The mask that keeps the units of the largest norms, of equal ones the first. */
export function largest(norms: ArrayLike<number>, { kept }: Pick<UnitCount, 'kept'>): Uint8Array {
  const bits = new Uint8Array(norms.length);
  const order = [...bits.keys()].sort((a, b) => (norms[b] ?? 0) - (norms[a] ?? 0));
  for (const index of order.slice(0, kept)) bits[index] = 1;
  return bits;
}

/** For each source map the offset that keeps the most, of equal ones the first (section 4.4 "snap"). */
export function snapOffsets({ inputs, outputs, taps }: Shape, weights: Weights, stride: number): TapPattern {
  const offsets = Array.from({ length: inputs }, (_, c) => {
    const sums = Array.from({ length: stride }, (__, offset) =>
      keptTaps(stride, offset, taps).reduce((sum, tap) => {
        const first = (tap * inputs + c) * outputs;
        let all = sum;
        for (let d = 0; d < outputs; d++) all += Math.abs(weights[first + d] ?? 0);
        return all;
      }, 0),
    );
    return sums.indexOf(Math.max(...sums));
  });
  return { stride, offsets };
}
