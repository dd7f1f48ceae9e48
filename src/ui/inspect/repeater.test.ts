import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Known, Repeater } from './repeater.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A repeater whose questions are answered by hand. */
function repeater() {
  const asked: { at: number; signal: AbortSignal; answer: (text: string) => void; refuse: (why: string) => void }[] =
    [];
  const told: Known<string>[] = [];
  const made = new Repeater<string>(
    (signal) =>
      new Promise((resolve, reject) => {
        asked.push({ at: performance.now(), signal, answer: resolve, refuse: (why) => reject(new Error(why)) });
      }),
    (known) => told.push(known),
    1_000,
  );
  return { made, asked, told, start: performance.now() };
}

test('asks at once, then at most once a second however often something changes', async () => {
  const { made, asked, told, start } = repeater();
  made.again();
  expect(asked).toHaveLength(1);
  asked[0]?.answer('first');
  for (let i = 0; i < 20; i++) {
    made.again();
    await vi.advanceTimersByTimeAsync(100);
    asked.at(-1)?.answer(`answer ${asked.length}`);
  }
  await vi.advanceTimersByTimeAsync(0);
  expect(asked.map(({ at }) => at - start)).toEqual([0, 1_000, 2_000]);
  expect(told.at(0)).toEqual({ answer: 'first', problem: null });
});

test('an answer that takes long is waited for, and what changed meanwhile is asked afterwards', async () => {
  const { made, asked } = repeater();
  made.again();
  await vi.advanceTimersByTimeAsync(3_000);
  made.again();
  made.again();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(asked).toHaveLength(1);
  asked[0]?.answer('late');
  await vi.advanceTimersByTimeAsync(0);
  expect(asked).toHaveLength(2);
  asked[1]?.answer('newer');
  await vi.advanceTimersByTimeAsync(5_000);
  expect(asked).toHaveLength(2);
});

test('a refusal is told beside the latest answer, and the next answer takes it back', async () => {
  const { made, asked, told } = repeater();
  made.again();
  asked[0]?.answer('old');
  await vi.advanceTimersByTimeAsync(1_000);
  made.again();
  asked[1]?.refuse('The device was lost.');
  await vi.advanceTimersByTimeAsync(1_000);
  made.again();
  asked[2]?.answer('new');
  await vi.advanceTimersByTimeAsync(0);
  expect(told).toEqual([
    { answer: 'old', problem: null },
    { answer: 'old', problem: 'The device was lost.' },
    { answer: 'new', problem: null },
  ]);
});

test('once stopped, the question is taken back and nothing is told or asked', async () => {
  const { made, asked, told } = repeater();
  made.again();
  made.again();
  made.stop();
  expect(asked[0]?.signal.aborted).toBe(true);
  asked[0]?.answer('too late');
  made.again();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual([]);
  expect(asked).toHaveLength(1);
});
