import { expect, test } from 'vitest';
import type { RunEvent } from '../src/core/events/events.ts';
import { stageOf } from '../src/core/events/testing.ts';
import { Progress, duration } from './progress.ts';

const step = (number: number): RunEvent => ({
  kind: 'step',
  step: number,
  epoch: 1,
  trainLoss: 2,
  trainAccuracy: 0.1,
  learningRate: 0.1,
  milliseconds: 1_000,
});
const start = { kind: 'start', step: 0, steps: 100 } as RunEvent;

/** A run of 100 steps of one second each. */
function watched(terminal: boolean): string[] {
  const written: string[] = [];
  let time = 0;
  const progress = new Progress({ write: (text) => written.push(text), terminal, now: () => time });
  const lane = progress.watch(100);
  lane.observe(start);
  for (let number = 1; number <= 100; number++) {
    time += 1_000;
    if (number === 50) lane.observe({ kind: 'evaluate', step: 49, testLoss: 2, testAccuracy: 0.25, images: 10 });
    lane.observe(step(number));
  }
  progress.end();
  return written;
}

test('a line every five seconds in a log, with the time left', () => {
  const lines = watched(false);
  expect(lines.length).toBe(21);
  expect(lines[0]).toBe('step 1 of 100, loss 2.000, 1 min 39 s left\n');
  expect(lines[15]).toBe('step 76 of 100, loss 2.000, test accuracy 25.0 %, 24 s left\n');
  expect(lines.at(-1)).toContain('step 100 of 100');
});

test('one line rewritten on a terminal, ended at the end', () => {
  const written = watched(true);
  expect(written.length).toBe(101);
  expect(written.slice(0, -1).every((text) => text.startsWith('\r') && !text.includes('\n'))).toBe(true);
  expect(written.at(-1)).toBe('\n');
  // What a terminal shows: each text overwrites from the left, so a shorter one must blank the rest of the longer.
  let screen = '';
  for (const text of written.slice(0, -1)) {
    const line = text.slice(1);
    screen = line + screen.slice(line.length);
    expect(screen.trimEnd()).toMatch(/^\[#*\.*\] step \d+ of 100, .*\d s left$/);
    expect(screen.match(/left/g)?.length).toBe(1);
  }
});

test('durations as people say them', () => {
  expect([0, 900, 61_000, 7_805_000].map(duration)).toEqual(['0 s', '1 s', '1 min 1 s', '2 h 10 min']);
});

test('what a scheme computes first is told, and is no part of the pace', () => {
  for (const terminal of [true, false]) {
    const written: string[] = [];
    let time = 0;
    const progress = new Progress({ write: (text) => written.push(text), terminal, now: () => time });
    const lane = progress.watch(100);
    for (let done = 0; done < 3; done++) {
      lane.prepare({ what: 'SynFlow passes', done, of: 3 });
      time += 6_000;
    }
    lane.prepare(null);
    lane.observe(start);
    time += 6_000;
    lane.observe(step(1));
    const lines = written.join('').replaceAll('\r', '\n').trim().split(/\n+/);
    expect(lines).toEqual([
      ...[0, 1, 2].map((done) => `SynFlow passes: ${done} of 3`),
      `${terminal ? '[....................] ' : ''}step 1 of 100, loss 2.000, 9 min 54 s left`,
    ]);
  }
});

test('a search is told with the best so far, a stage with what it did to the accuracy', () => {
  const written: string[] = [];
  let time = 0;
  const progress = new Progress({ write: (text) => written.push(text), terminal: false, now: () => time });
  const lane = progress.watch(100);
  const round = {
    round: 0,
    scores: [0.5],
    weights: [1],
    parents: [[]],
    best: 0.5,
    bestIndex: 0,
    effectiveSampleSize: 1,
  };
  lane.observe(start);
  time += 10_000;
  lane.observe(step(10));
  time += 6_000;
  lane.prepare({ what: 'Candidates', done: 0, of: 96 });
  time += 60_000;
  lane.prepare({ what: 'Candidates', done: 16, of: 96, rounds: [round] });
  lane.prepare(null);
  lane.observe(stageOf(7, 'map', { pruned: 3, units: 10, weights: 0.41 }));
  time += 14_000;
  lane.observe(step(30));
  expect(written.join('').trimEnd().split('\n')).toEqual([
    'step 10 of 100, loss 2.000, 1 min 30 s left',
    'Candidates: 0 of 96',
    'Candidates: 16 of 96, best accuracy 50.0 %',
    'step 7: Maps pruned: 30 % of the units, 41 % of the weights gone so far. Test accuracy 50.0 % → 25.0 % → 37.5 %',
    // A second a step, without the search.
    'step 30 of 100, loss 2.000, 1 min 10 s left',
  ]);
});

test('runs side by side count together; steps made before a run was resumed are no part of the pace', () => {
  const written: string[] = [];
  let time = 0;
  const progress = new Progress({ write: (text) => written.push(text), terminal: false, now: () => time });
  const [first, second] = [progress.watch(100, 60), progress.watch(100)];
  time = 10_000;
  first.observe(step(70));
  time = 20_000;
  second.observe(step(10));
  second.observe({ kind: 'note', step: 10, message: 'Slow.' });
  first.observe({ kind: 'note', step: 70, message: 'Slow.' });
  // 20 steps in 20 s; 120 of the 200 are left.
  expect(written).toEqual([
    '2 runs, step 70 of 200, 2 min 10 s left\n',
    '2 runs, step 80 of 200, 2 min 0 s left\n',
    'Slow.\n',
  ]);
});
