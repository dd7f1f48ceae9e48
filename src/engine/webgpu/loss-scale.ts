import type { StorageType } from '../engine.ts';

/**
 * Times one image's gradient is stored in f16. Measured over all nodes of six networks of the zoo, fresh and after
 * training: the largest gradient of one image's loss is 12 (mobilenetv2-cifar before its first step), so 20 times more
 * fits before f16 overflows at 65,504; and of the squared gradient at any node, at most 2e-4 (resnet56; elsewhere 2e-6)
 * lies below the smallest normal f16, where precision fades and some adapters flush to zero. Unscaled it was up to 39 %.
 */
const IMAGE_SCALE = 2 ** 8;

/**
 * What the loss's gradient is multiplied by on the way back (see `StepValues`). A power of two, so that multiplying and
 * dividing change no bit; in proportion to the batch, since the gradient of a mean is that of an image over the batch.
 */
export const lossScaleOf = (storage: StorageType, batchSize: number): number =>
  storage === 'f16' ? IMAGE_SCALE * 2 ** Math.ceil(Math.log2(batchSize)) : 1;
