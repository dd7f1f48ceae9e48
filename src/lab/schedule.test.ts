import { expect, test } from 'vitest';
import { warmupSteps } from '../core/spec/spec.ts';
import { hyperOf } from './schedule.ts';
import { smallSpec, smallTraining } from './testing.ts';

const rates = (train: Parameters<typeof smallTraining>[0], count: number) => {
  const at = hyperOf(smallSpec({ train: smallTraining({ learningRate: 1, ...train }) }));
  return Array.from({ length: count }, (_, step) => at(step).learningRate);
};

test('cosine from the full rate towards zero, a quarter, half and three quarters of the way', () => {
  const curve = rates({ steps: 8, warmup: 0, schedule: 'cosine' }, 8);
  const half = Math.SQRT1_2;
  expect([curve[0], curve[2], curve[4], curve[6]]).toEqual(
    [1, (1 + half) / 2, 0.5, (1 - half) / 2].map((rate) => expect.closeTo(rate, 12)),
  );
});

test('warm-up rises linearly to the full rate, then constant stays there', () => {
  expect(rates({ steps: 8, warmup: 0.5, schedule: 'constant' }, 6)).toEqual([0.25, 0.5, 0.75, 1, 1, 1]);
});

test('a warm-up over the whole run, and epochs instead of steps', () => {
  expect(rates({ steps: 4, warmup: 1, schedule: 'cosine' }, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  const { steps: _, ...rest } = smallTraining({ warmup: 0.1 });
  // 100 training images in batches of 10, 3 epochs: 30 steps.
  expect(warmupSteps(smallSpec({ train: { ...rest, epochs: 3 } }))).toBe(3);
});
