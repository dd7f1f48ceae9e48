import type { Tensor1D, Tensor4D } from '@tensorflow/tfjs';
import type { ProbeInputs, TrainerOptions } from '../engine.ts';
import { countLabelled } from '../inputs.ts';
import type { Tfjs } from './backend.ts';
import { type BatchAugment, assembleBatch } from './batch.ts';
import type { HostData } from './data.ts';

const SIZE = 32;

/** What a step or a probe runs on. The caller disposes of it. */
export interface Batch {
  /** Normalised, [images, 32, 32, 3]. */
  readonly images: Tensor4D;
  /** [images], or null where images have no label. */
  readonly labels: Tensor1D | null;
}

/** Normalised images [indices, 32, 32, 3] from a split's bytes. */
export function imagesOf(
  tf: Tfjs,
  pixels: Uint8Array,
  indices: Uint32Array,
  augment: BatchAugment | null = null,
): Tensor4D {
  return tf.tensor4d(assembleBatch(pixels, indices, augment), [indices.length, SIZE, SIZE, 3]);
}

/** Indices of `count` images that are all there is. */
export const everyImage = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, i) => i);

/** The batch that a request names. Throws a sentence when it cannot be had. */
export function openBatch(tf: Tfjs, inputs: ProbeInputs, options: TrainerOptions & { readonly data: HostData }): Batch {
  if (inputs === 'ones') return { images: tf.ones([1, SIZE, SIZE, 3]), labels: null };
  if ('pixels' in inputs) {
    const { pixels, labels } = inputs;
    const indices = everyImage(countLabelled(inputs));
    return { images: imagesOf(tf, pixels, indices), labels: tf.tensor1d(Int32Array.from(labels), 'int32') };
  }
  const { step } = inputs;
  const indices = options.batch(step);
  const { pixels, labels } = options.data.select('train', indices);
  const images = imagesOf(tf, pixels, indices, { ...options.augment, seed: options.seed, step });
  return { images, labels: tf.tensor1d(labels, 'int32') };
}
