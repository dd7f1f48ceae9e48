import { expect, test } from 'vitest';
import { forkWords, waitingWords } from './apply-words.ts';

const fork = (changed: boolean, channels: boolean, taps: boolean): string =>
  forkWords({ changed, channels, taps }).replace(
    'A fork is a second run that goes on from a checkpoint of this one ',
    '',
  );

test('a fork says all that it takes along', () => {
  expect(fork(true, false, false)).toBe('with this change.');
  expect(fork(false, true, false)).toBe('with the channels you switched.');
  expect(fork(false, false, true)).toBe('with the taps you chose.');
  expect(fork(false, true, true)).toBe('with the channels you switched and the taps you chose.');
  expect(fork(true, true, true)).toBe('with this change, the channels you switched and the taps you chose.');
});

test('what was done by hand before training waits, and says so', () => {
  const rest = 'wait here until the run has trained: then it can be forked.';
  expect(waitingWords({ channels: true, taps: false })).toBe(`Channels that you switch ${rest}`);
  expect(waitingWords({ channels: false, taps: true })).toBe(`Taps that you choose ${rest}`);
  expect(waitingWords({ channels: true, taps: true })).toBe(
    `Channels that you switch and taps that you choose ${rest}`,
  );
});
