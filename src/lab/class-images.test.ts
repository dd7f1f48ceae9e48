import { expect, test } from 'vitest';
import { firstOfEachClass } from './class-images.ts';
import { madeUpCifar } from './testing.ts';

/** Labels of the made-up data set, in its order. */
async function labelsOf(cifar = madeUpCifar()): Promise<number[]> {
  const shards = cifar.manifest.shards.filter(({ split }) => split === 'train');
  return (await Promise.all(shards.map((shard) => cifar.load(shard)))).flatMap(({ labels }) => [...labels]);
}

test('the first images of each class, in the order of the data set, from no more shards than needed', async () => {
  const seen = new Map<number, number>();
  const expected = (await labelsOf()).filter((label) => {
    seen.set(label, (seen.get(label) ?? 0) + 1);
    return (seen.get(label) ?? 0) <= 5;
  });
  const cifar = madeUpCifar();
  const { pixels, labels } = await firstOfEachClass(cifar, 110, 5);
  expect([...labels]).toEqual(expected);
  expect(labels.length).toBe(50);
  // The first byte of a made-up image is its label.
  expect([...labels].map((_, i) => pixels[i * 3_072])).toEqual(expected);
  expect(cifar.loads).toEqual(['train-0', 'train-1']);
});

test('too few of a class among the training images: a sentence with the key', async () => {
  await expect(firstOfEachClass(madeUpCifar(), 30, 4)).rejects.toThrow(
    /^data\.train: the scores need 4 training images of each class, and of class \w+ there are 3 among the first 30; /,
  );
});
