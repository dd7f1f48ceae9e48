import { shuffle } from '../core/random/random.ts';

export interface OrderOptions {
  readonly seed: number;
  /** Images trained on: indices 0 to train - 1. */
  readonly train: number;
  /** Images of the training shards in manifest order. */
  readonly shardSizes: readonly number[];
  readonly batchSize: number;
}

/** Which images each step uses: a function of (seed, step) alone. Steps count from 0. */
export interface BatchOrder {
  batch(step: number): Uint32Array<ArrayBuffer>;
  /** How many of the first training images must be loaded before the step can run. */
  needs(step: number): number;
}

/**
 * Epoch 0 takes the shards in manifest order, shuffled inside each, so that training can start on the first one; later
 * epochs shuffle everything. An epoch's last, incomplete batch is dropped. Throws when a batch needs more images than
 * there are.
 */
export function batchOrder({ seed, train, shardSizes, batchSize }: OrderOptions): BatchOrder {
  if (batchSize > train) throw new Error(`train.batchSize: ${batchSize} is more than the ${train} images trained on`);
  const stepsPerEpoch = Math.floor(train / batchSize);
  let cached = { epoch: -1, order: new Uint32Array(0) };
  const orderOf = (epoch: number): Uint32Array<ArrayBuffer> => {
    if (cached.epoch !== epoch) cached = { epoch, order: epochOrder(epoch, seed, train, shardSizes) };
    return cached.order;
  };
  const batch = (step: number): Uint32Array<ArrayBuffer> => {
    const first = (step % stepsPerEpoch) * batchSize;
    return orderOf(Math.floor(step / stepsPerEpoch)).slice(first, first + batchSize);
  };
  return { batch, needs: (step) => batch(step).reduce((most, index) => Math.max(most, index + 1), 0) };
}

function epochOrder(
  epoch: number,
  seed: number,
  train: number,
  shardSizes: readonly number[],
): Uint32Array<ArrayBuffer> {
  const order = Uint32Array.from({ length: train }, (_, index) => index);
  if (epoch > 0) {
    shuffle(order, seed, 'order', epoch * 4_096);
    return order;
  }
  let first = 0;
  shardSizes.forEach((size, shard) => {
    // Counters below 4,096 belong to the shards of epoch 0.
    shuffle(order.subarray(first, Math.min(first + size, train)), seed, 'order', shard);
    first = Math.min(first + size, train);
  });
  return order;
}
