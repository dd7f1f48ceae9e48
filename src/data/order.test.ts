import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { batchOrder } from './order.ts';

const options = { seed: 3, train: 45, shardSizes: [20, 20, 20], batchSize: 6 };

describe('batch order', () => {
  test('an epoch uses every image at most once and all but the incomplete batch', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 80 }),
        fc.nat(5),
        (train, batch, epoch) => {
          fc.pre(batch <= train);
          const order = batchOrder({ ...options, train, batchSize: batch });
          const steps = Math.floor(train / batch);
          const used = Array.from({ length: steps }, (_, i) => [...order.batch(epoch * steps + i)]).flat();
          expect(new Set(used).size).toBe(steps * batch);
          expect(Math.max(...used)).toBeLessThan(train);
        },
      ),
    );
  });

  test('the first epoch stays inside its shards, one after the other; later ones mix them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 5 }),
        fc.nat(99),
        (sizes, seed) => {
          const train = Math.max(1, sizes.reduce((sum, size) => sum + size, 0) - 1);
          const order = batchOrder({ seed, train, shardSizes: sizes, batchSize: 1 });
          const shardOf = (position: number): number => {
            let end = 0;
            return sizes.findIndex((size) => position < (end += size));
          };
          for (let step = 0; step < train; step++) {
            const [index = -1] = order.batch(step);
            expect(shardOf(index)).toBe(shardOf(step));
            expect(order.needs(step)).toBe(index + 1);
          }
        },
      ),
    );
    const order = batchOrder(options);
    expect([...order.batch(7), ...order.batch(8)].some((index) => index >= 40)).toBe(true);
  });

  test('an epoch shuffles: the order differs from the last epoch and from sorted', () => {
    const order = batchOrder({ ...options, batchSize: 45 });
    const [first, second, third] = [0, 1, 2].map((step) => [...order.batch(step)]);
    expect(second).not.toEqual(third);
    for (const epoch of [first, second, third]) {
      expect(epoch).not.toEqual(Array.from({ length: 45 }, (_, index) => index));
      expect(epoch?.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 45 }, (_, index) => index));
    }
  });

  test('depends on the seed and the step alone, not on what was asked before', () => {
    const first = batchOrder(options);
    const second = batchOrder(options);
    const backwards = [9, 3, 0].map((step) => [...second.batch(step)]);
    expect([9, 3, 0].map((step) => [...first.batch(step)])).toEqual(backwards);
    expect([...batchOrder({ ...options, seed: 4 }).batch(0)]).not.toEqual([...first.batch(0)]);
  });

  test('a batch larger than the training set is refused', () => {
    expect(() => batchOrder({ ...options, batchSize: 46 })).toThrow(/train.batchSize: 46 is more than the 45/);
  });
});
