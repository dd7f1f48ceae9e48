import { afterEach, expect, test } from 'vitest';
import { pollGently } from './polling.ts';

const immediately = globalThis.setImmediate;
afterEach(() => {
  globalThis.setImmediate = immediately;
});

/** How often a callback that asks for itself again, as Dawn's do, is called within some milliseconds. */
function callsWithin(milliseconds: number, native: boolean): Promise<number> {
  const end = performance.now() + milliseconds;
  return new Promise((resolve) => {
    let calls = 0;
    const poll = (): void => {
      calls++;
      if (performance.now() < end) setImmediate(again);
      else resolve(calls);
    };
    // A bound function is native, as far as can be seen.
    const again = native ? poll.bind(null) : poll;
    setImmediate(again);
  });
}

test('native callbacks that wait for long are called about once a millisecond, others as often as before', async () => {
  const busy = await callsWithin(100, true);
  pollGently();
  const [gentle, ours] = [await callsWithin(100, true), await callsWithin(100, false)];
  expect(gentle).toBeLessThan(Math.max(200, busy / 10));
  expect(gentle).toBeGreaterThan(2);
  expect(ours).toBeGreaterThan(5 * gentle);
});

test('a native callback that is called once comes at once, with its arguments', async () => {
  pollGently();
  const told: unknown[] = [];
  await new Promise<void>((resolve) => {
    const tell = (...args: unknown[]): void => {
      told.push(...args);
      resolve();
    };
    setTimeout(() => told.push('timer'), 0);
    setImmediate(tell.bind(null), 'one', 2);
  });
  expect(told.filter((one) => one !== 'timer')).toEqual(['one', 2]);
});
