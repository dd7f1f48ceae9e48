import { expect, test } from 'vitest';
import { type RunProgress, statusOf } from './status.ts';

const parsed = { ok: false, problems: [] } as const;
const run = (state: RunProgress['state'], step: number, imagesPerSecond = 100): RunProgress => ({
  view: { step, epoch: 1, batchSize: 50, imagesPerSecond, finish: null },
  state,
  schemeProgress: null,
  steps: 300,
  share: step / 300,
});
const told = (runState: RunProgress['state'], ...runs: RunProgress[]): string =>
  statusOf({ runState, data: null, parsed }, runs);

test('one run tells its step, its speed and the time left', () => {
  expect(told('running', run('running', 100))).toBe('Step 100 of 300, epoch 1, 100 images/s, 1 min 40 s left');
  expect(told('running', run('running', 0, 0))).toBe('First step ...');
  expect(told('paused', run('paused', 100))).toBe('Step 100 of 300, epoch 1, paused');
  expect(told('error', run('error', 7))).toBe('Stopped at step 7; its history is kept below');
});

test('several tell where the slowest stands, and how many have ended; they share one device', () => {
  expect(told('running', run('running', 280), run('running', 240), run('done', 300))).toBe(
    '3 runs, the slowest at step 240 of 300, 1 done, 40 s left',
  );
  expect(told('paused', run('error', 3), run('paused', 20))).toBe(
    '2 runs, the slowest at step 20 of 300, 1 stopped, paused',
  );
  expect(told('done', run('done', 300), run('error', 20))).toBe('2 runs, 1 done, 1 stopped');
});

test('a scheme that computes before the first step tells how far it is', () => {
  const schemeProgress = { what: 'SynFlow passes', done: 12, of: 30 };
  expect(told('loading', { ...run('loading', 0), schemeProgress })).toBe('SynFlow passes: 12 of 30');
  expect(told('loading', run('idle', 0), { ...run('loading', 0), schemeProgress })).toBe('SynFlow passes: 12 of 30');
  expect(told('loading', run('loading', 0))).toBe('Preparing the network');
});

test('a scheme that searches in the middle of a run tells how far it is, in place of speed and time left', () => {
  const schemeProgress = { what: 'masks scored', done: 45, of: 96 };
  const searching = { ...run('running', 100), schemeProgress };
  expect(told('running', searching)).toBe('Step 100 of 300, epoch 1, masks scored: 45 of 96');
  expect(told('running', run('running', 280), searching, run('done', 300))).toBe(
    '3 runs, the slowest at step 100 of 300, 1 done, masks scored: 45 of 96',
  );
  expect(told('paused', { ...searching, state: 'paused' })).toBe('Step 100 of 300, epoch 1, paused');
});
