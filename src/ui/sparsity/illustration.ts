import { type Uniforms, pick, uniforms } from '../../core/random/uniforms.ts';
import {
  type LoweredSize,
  balancedOffsets,
  loweredSize,
  stridedMask,
  unconstrainedMask,
} from '../../core/sparsity/index.ts';
import { type LayerPicture, neededRows } from './layer-picture.ts';

/** Any number does; the same one draws the same illustration each time. */
const SEED = 1;

export interface Illustration {
  readonly picture: LayerPicture;
  /** By source map and tap, whether any output map keeps the tap; kernel-wise masks, which let no row go, do not count. */
  readonly rows: readonly boolean[];
  /** What a matrix product of these rows would be at best. */
  readonly product: LoweredSize;
}

/**
 * The same layer and stride with the constraint the other way round: an offset for each kernel where there was one for
 * each source map, or the reverse. Offsets are drawn (balanced over source maps), so it is an illustration, not the run.
 * Null for a layer without strided taps.
 */
export function otherWayRound(picture: LayerPicture): Illustration | null {
  const { layer, taps, free } = picture;
  const stride = taps?.stride ?? free?.stride;
  if (stride === undefined) return null;
  const random = uniforms(SEED, 'prune', 0);
  const other: LayerPicture = taps
    ? { ...picture, taps: null, free: { stride, offsets: drawn(layer.inputs * layer.outputs, stride, random) } }
    : { ...picture, free: null, taps: { stride, offsets: balancedOffsets(layer.inputs, stride, random) } };
  return { picture: other, rows: neededRows({ ...other, kernels: null }), product: needed(other) };
}

const drawn = (count: number, stride: number, random: Uniforms): readonly number[] =>
  Array.from({ length: count }, () => pick(random, stride));

/** The core's own count, on the maps that are left. */
function needed({ layer, inputs, outputs, taps, free }: LayerPicture): LoweredSize {
  const left = (kept: readonly boolean[]): readonly number[] => [...kept.keys()].filter((index) => kept[index]);
  const [sources, targets] = [left(inputs), left(outputs)];
  const shape = { ...layer, inputs: sources.length, outputs: targets.length };
  const [pattern, offsets] = free
    ? [free, sources.flatMap((c) => targets.map((d) => free.offsets[c * layer.outputs + d] ?? 0))]
    : [taps, sources.map((c) => taps?.offsets[c] ?? 0)];
  const thinned = { stride: pattern?.stride ?? 1, offsets };
  return loweredSize(shape, free ? unconstrainedMask(shape, thinned) : stridedMask(shape, thinned));
}
