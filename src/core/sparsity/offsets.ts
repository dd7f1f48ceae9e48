import type { TapPattern } from '../network/taps.ts';
import { type Uniforms, pick } from '../random/uniforms.ts';
import type { Operations } from '../search/search.ts';
import type { ConvLayer } from './layers.ts';
import { crossLayers } from './masks.ts';

/** Candidates of strided taps: by convolution its stride and an offset for each source map, as Structure.taps has them. */
export type Offsets = ReadonlyMap<string, TapPattern>;

/** A convolution that keeps one tap in `stride`: one stride a layer (section 13, ours). */
export interface StridedLayer {
  readonly layer: Pick<ConvLayer, 'id' | 'inputs' | 'taps'>;
  readonly stride: number;
}

/** Offsets c mod stride in a shuffled order: each is used as often as the others, to one. */
export function balancedOffsets(inputs: number, stride: number, random: Uniforms): readonly number[] {
  const offsets = Array.from({ length: inputs }, (_, c) => c % stride);
  for (let i = inputs - 1; i > 0; i--) {
    const j = pick(random, i + 1);
    [offsets[i], offsets[j]] = [offsets[j] ?? 0, offsets[i] ?? 0];
  }
  return offsets;
}

/**
 * Search over offsets (sections 5.2 and 9, ours): candidates start balanced; a perturbation moves each offset with
 * probability `noise` by one, up or down, around the stride. Throws when a stride does not fit its kernel.
 */
export function offsetOperations(layers: readonly StridedLayer[], noise: number): Required<Operations<Offsets>> {
  for (const { layer, stride } of layers) {
    if (!Number.isInteger(stride) || stride < 1 || stride > layer.taps) {
      throw new Error(`sparsity: the stride of "${layer.id}" must be a whole number from 1 to ${layer.taps}`);
    }
  }
  return {
    draw: (_, random) =>
      new Map(
        layers.map(({ layer, stride }) => [
          layer.id,
          { stride, offsets: balancedOffsets(layer.inputs, stride, random) },
        ]),
      ),
    perturb: (candidate, random) =>
      new Map(
        [...candidate].map(([id, { stride, offsets }]) => [
          id,
          { stride, offsets: offsets.map((offset) => (random() < noise ? moved(offset, stride, random) : offset)) },
        ]),
      ),
    crossover: crossLayers,
  };
}

const moved = (offset: number, stride: number, random: Uniforms): number =>
  (offset + (random() < 0.5 ? 1 : stride - 1)) % stride;
