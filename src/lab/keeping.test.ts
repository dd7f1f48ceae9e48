import { expect, test } from 'vitest';
import { Keeping } from './keeping.ts';

/** Milliseconds of training before a checkpoint that was taken in `cost` is followed by the next. */
function interval(cost: number): number {
  const keeping = new Keeping();
  keeping.kept(cost);
  let trained = 0;
  for (; !keeping.due; trained++) keeping.trained(1);
  return trained;
}

test('checkpoints cost 2 % of the training time at most, and come once a second at most', () => {
  expect([0, 5, 20, 21, 100, 1_000].map(interval)).toEqual([1_000, 1_000, 1_000, 1_050, 5_000, 50_000]);
  expect(new Keeping().due).toBe(false);
});
