import { CLASSES, type Cifar10 } from '../data/cifar10.ts';

const IMAGE_BYTES = 3_072;

/** Raw images (3,072 bytes each) with one label a piece. */
export interface RawImages {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
}

/**
 * The first `perClass` images of each class among the first `count` training images, in the order of the data set; only
 * the shards that hold them are read. Throws a sentence when a class has fewer.
 */
export async function firstOfEachClass(cifar: Cifar10, count: number, perClass: number): Promise<RawImages> {
  const found = CLASSES.map(() => 0);
  const pixels: Uint8Array[] = [];
  const labels: number[] = [];
  let first = 0;
  for (const shard of cifar.manifest.shards) {
    if (shard.split !== 'train') continue;
    if (first >= count || labels.length === perClass * CLASSES.length) break;
    const decoded = await cifar.load(shard);
    for (let image = 0; image < Math.min(shard.images, count - first); image++) {
      const label = decoded.labels[image] ?? 0;
      if ((found[label] ?? 0) >= perClass) continue;
      found[label] = (found[label] ?? 0) + 1;
      labels.push(label);
      pixels.push(decoded.pixels.subarray(image * IMAGE_BYTES, (image + 1) * IMAGE_BYTES));
    }
    first += shard.images;
  }
  const short = found.findIndex((images) => images < perClass);
  if (short >= 0) {
    throw new Error(
      `data.train: the scores need ${perClass} training images of each class, and of class ${CLASSES[short]} there are ${found[short]} among the first ${count}; use more images`,
    );
  }
  return { pixels: joined(pixels), labels: Uint8Array.from(labels) };
}

function joined(images: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(images.length * IMAGE_BYTES);
  images.forEach((image, i) => all.set(image, i * IMAGE_BYTES));
  return all;
}
