import { expect, test } from 'vitest';
import { specOf } from '../../persist/testing.ts';
import { SCHEMES } from '../../schemes/index.ts';
import type { KeptRun } from '../../state/kept.ts';
import { ago, firstOrder, nextOrder, sizeOf, sorted, stateOf } from './kept-words.ts';

const kept = (name: string, changes: Partial<KeptRun> = {}): KeptRun => ({
  id: name,
  name,
  spec: specOf(name, SCHEMES),
  created: 0,
  updated: 0,
  step: 0,
  steps: 60,
  state: 'running',
  checkpoint: { step: 0, bytes: 1, events: 1 },
  bytes: 1,
  writer: null,
  ...changes,
});

test('a column sorts texts from A and numbers from the largest, the other way round when chosen again', () => {
  const runs = [
    kept('run 10', { step: 30, bytes: 5, updated: 3 }),
    kept('run 9', { step: 30, steps: 40, bytes: 9, updated: 1 }),
    kept('Run 1', { step: 60, bytes: 7, updated: 2 }),
  ];
  const names = (column: Parameters<typeof firstOrder>[0], again = false): string[] => {
    const order = firstOrder(column);
    return sorted(runs, again ? nextOrder(order, column) : order, SCHEMES).map(({ name }) => name);
  };
  expect(names('name')).toEqual(['Run 1', 'run 9', 'run 10']);
  expect(names('name', true)).toEqual(['run 10', 'run 9', 'Run 1']);
  expect(names('updated')).toEqual(['run 10', 'Run 1', 'run 9']);
  expect(names('bytes')).toEqual(['run 9', 'Run 1', 'run 10']);
  // By the share made, not by the number.
  expect(names('step')).toEqual(['Run 1', 'run 9', 'run 10']);
  // All the same: as they come.
  expect(names('scheme')).toEqual(['run 10', 'run 9', 'Run 1']);
});

test('who writes a run counts for more than how it stood', () => {
  expect(stateOf(kept('a'))).toBe('interrupted');
  expect(stateOf(kept('a', { state: 'done', writer: 'here' }))).toBe('open here');
  expect(stateOf(kept('a', { state: 'paused', writer: 'elsewhere' }))).toBe('open in another tab');
});

test('sizes and times are given to what one can tell apart', () => {
  expect([0, 999, 1_500, 999_499, 2_340_000, 5.31e9].map(sizeOf)).toEqual([
    '0 B',
    '999 B',
    '2 kB',
    '999 kB',
    '2.3 MB',
    '5.3 GB',
  ]);
  const now = 1e12;
  const seconds = [-5, 59, 60, 3_599, 3_600, 86_399, 86_400, 200_000];
  expect(seconds.map((one) => ago(now - one * 1_000, now))).toEqual([
    'just now',
    'just now',
    '1 min ago',
    '59 min ago',
    '1 h ago',
    '23 h ago',
    'yesterday',
    '2 days ago',
  ]);
});
