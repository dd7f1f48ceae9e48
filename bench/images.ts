import { type ByteSource, openCifar10 } from '../src/data/cifar10.ts';
import type { Images } from './job.ts';

/** The first images of the data set. */
export async function firstImages(source: ByteSource, count: number): Promise<Images> {
  const cifar = await openCifar10(source);
  const [shard] = cifar.manifest.shards;
  if (!shard) throw new Error('there is no data; run npm start once');
  const { pixels, labels } = await cifar.load(shard);
  return { pixels: pixels.slice(0, count * 3_072), labels: labels.slice(0, count) };
}
