import type { AdapterName, StorageType } from './engine.ts';

const IMAGE_BYTES = 3_072;

/** How many raw images there are. Throws a sentence when the bytes are no whole images. */
export function countImages(pixels: Uint8Array, what: string): number {
  const images = pixels.length / IMAGE_BYTES;
  if (Number.isInteger(images) && images >= 1) return images;
  throw new Error(`${what} needs whole images of 3,072 bytes (32x32 RGB)`);
}

/** How many given images there are, each with a label. Throws a sentence when that is not so. */
export function countLabelled({ pixels, labels }: { pixels: Uint8Array; labels: Uint8Array }): number {
  const count = countImages(pixels, 'a request for given images');
  if (labels.length === count) return count;
  throw new Error(`a request for ${count} given images needs as many labels, not ${labels.length}`);
}

/** What a cross-entropy of an image without a label is refused with. */
export const unlabelled = (): Error =>
  new Error('an image of ones has no label; ask for the sum of its logits instead of a cross-entropy');

/** What an unknown node is refused with. */
export const unknownNode = (network: string, node: string): Error =>
  new Error(`the network ${network} has no node "${node}"`);

/** What storing activations in a type that the adapter does not offer is refused with. */
export const cannotStore = (storage: Exclude<StorageType, 'f32'>, { description }: AdapterName): Error =>
  new Error(`train.storage: ${description} does not offer shader-${storage}; set train.storage to "f32".`);
