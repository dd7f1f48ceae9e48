import { expect, test } from 'vitest';
import type { RunEvent } from '../../core/events/events.ts';
import { ticksOfLog } from './tick-book.ts';

test('the ticks of a log grow with it, and are the same list while it stands', () => {
  const fork = (step: number): RunEvent => ({ kind: 'fork', step, message: `fork ${step}` });
  const log = [fork(3)];
  const before = ticksOfLog(log);
  expect(before.map(({ step }) => step)).toEqual([3]);
  expect(ticksOfLog(log)).toBe(before);
  log.push(fork(5));
  expect(ticksOfLog(log).map(({ step }) => step)).toEqual([3, 5]);
});
