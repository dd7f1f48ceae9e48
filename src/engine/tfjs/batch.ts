import { augmentation } from '../../core/random/random.ts';
import { type Augment, CHANNEL_DEVIATION, CHANNEL_MEAN, CROP_PADDING } from '../engine.ts';

const SIZE = 32;
const IMAGE_BYTES = SIZE * SIZE * 3;

/** How a batch is augmented; null for evaluation. */
export interface BatchAugment extends Augment {
  readonly seed: number;
  readonly step: number;
}

/**
 * Normalised images [indices, 32, 32, 3] from a split's bytes. Output pixel (y, x) takes input row y + dy and column
 * (flip ? 31 - x : x) + dx; what lies outside is 0 after normalising. The plain statement of what the engines compute.
 */
export function assembleBatch(pixels: Uint8Array, indices: Uint32Array, augment: BatchAugment | null): Float32Array {
  const batch = new Float32Array(indices.length * IMAGE_BYTES);
  indices.forEach((image, slot) => {
    const drawn = augment ? augmentation(augment.seed, augment.step, slot, CROP_PADDING) : null;
    const dx = drawn && augment?.crop ? drawn.dx : 0;
    const dy = drawn && augment?.crop ? drawn.dy : 0;
    const flip = drawn !== null && augment?.flip === true && drawn.flip;
    for (let y = 0; y < SIZE; y++) {
      for (let x = 0; x < SIZE; x++) {
        const row = y + dy;
        const column = (flip ? SIZE - 1 - x : x) + dx;
        if (row < 0 || row >= SIZE || column < 0 || column >= SIZE) continue;
        const from = image * IMAGE_BYTES + (row * SIZE + column) * 3;
        const to = slot * IMAGE_BYTES + (y * SIZE + x) * 3;
        for (let c = 0; c < 3; c++) {
          batch[to + c] = ((pixels[from + c] ?? 0) / 255 - (CHANNEL_MEAN[c] ?? 0)) / (CHANNEL_DEVIATION[c] ?? 1);
        }
      }
    }
  });
  return batch;
}
