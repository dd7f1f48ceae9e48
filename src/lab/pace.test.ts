import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Throughput, nextCallSteps } from './pace.ts';

test('calls settle at 100 to 300 ms whatever a step costs, as far as whole steps allow', () => {
  fc.assert(
    fc.property(fc.double({ min: 0.3, max: 100, noNaN: true }), (cost) => {
      let steps = 1;
      for (let call = 0; call < 12; call++) steps = nextCallSteps(steps, steps * cost);
      expect(steps * cost).toBeGreaterThanOrEqual(100);
      expect(steps * cost).toBeLessThanOrEqual(300);
    }),
  );
  expect(nextCallSteps(1, 5_000)).toBe(1);
  expect(nextCallSteps(100, 2_000)).toBe(10);
});

test('a call never grows more than fourfold', () => {
  expect(nextCallSteps(1, 0)).toBe(4);
  expect(nextCallSteps(4, 1)).toBe(16);
});

test('images a second is the batch over the median step, not over the mean', () => {
  const throughput = new Throughput();
  expect(throughput.imagesPerSecond(50)).toBe(0);
  throughput.record(1, 5_000);
  throughput.record(2, 12);
  throughput.record(10, 10);
  expect(throughput.imagesPerSecond(50)).toBe(5_000);
});
