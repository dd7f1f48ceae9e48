import type { Cifar10 } from '../data/cifar10.ts';
import type { RawImages } from './class-images.ts';

const IMAGE_BYTES = 3_072;

/**
 * Test images by their indices, in that order; only the shards that hold them are read. Throws a sentence when an index
 * is none of the first `count`, which are the run's.
 */
export async function testImages(cifar: Cifar10, count: number, indices: readonly number[]): Promise<RawImages> {
  const wrong = indices.find((index) => !Number.isInteger(index) || index < 0 || index >= count);
  if (wrong !== undefined) throw new Error(`The run has ${count} test images; there is none with the index ${wrong}.`);
  const pixels = new Uint8Array(indices.length * IMAGE_BYTES);
  const labels = new Uint8Array(indices.length);
  let first = 0;
  for (const shard of cifar.manifest.shards) {
    if (shard.split !== 'test') continue;
    const end = first + shard.images;
    const wanted = indices.flatMap((index, place) => (index >= first && index < end ? [{ index, place }] : []));
    if (wanted.length > 0) {
      const decoded = await cifar.load(shard);
      for (const { index, place } of wanted) {
        const at = index - first;
        pixels.set(decoded.pixels.subarray(at * IMAGE_BYTES, (at + 1) * IMAGE_BYTES), place * IMAGE_BYTES);
        labels[place] = decoded.labels[at] ?? 0;
      }
    }
    first = end;
  }
  return { pixels, labels };
}
