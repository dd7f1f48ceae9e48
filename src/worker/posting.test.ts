import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { NoteEvent } from '../core/events/events.ts';
import type { Report } from './messages.ts';
import { batchPosts } from './posting.ts';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const note = (step: number): NoteEvent => ({ kind: 'note', step, message: '' });
const events = (run: number, ...steps: number[]): Report => ({ type: 'events', run, events: steps.map(note) });

function posting() {
  const posts: Report[] = [];
  return { posts, report: batchPosts((report) => posts.push(report)) };
}

test('the first event goes at once, those that follow closely go together, at most 20 posts a second', () => {
  const { posts, report } = posting();
  report(events(1, 0));
  expect(posts).toEqual([events(1, 0)]);
  for (let step = 1; step <= 1_000; step++) {
    report(events(1, step));
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(50);
  expect(posts.length).toBeLessThanOrEqual(22);
  const steps = posts.flatMap((post) => (post.type === 'events' ? post.events.map((event) => event.step) : []));
  expect(steps).toEqual(Array.from({ length: 1_001 }, (_, step) => step));
});

test('a report of another kind never overtakes events', () => {
  const { posts, report } = posting();
  report(events(1, 1));
  report(events(1, 2));
  report(events(1, 3));
  report({ type: 'state', state: 'done' });
  expect(posts).toEqual([events(1, 1), events(1, 2, 3), { type: 'state', state: 'done' }]);
  vi.advanceTimersByTime(1_000);
  expect(posts.length).toBe(3);
});

test('runs of a race travel in posts of their own, each in its order, as rarely as a single one', () => {
  const { posts, report } = posting();
  for (let step = 0; step < 200; step++) {
    report(events(1 + (step % 2), step));
    vi.advanceTimersByTime(1);
  }
  vi.advanceTimersByTime(100);
  expect(posts.length).toBeLessThanOrEqual(1 + 2 * 5);
  for (const run of [1, 2]) {
    const steps = posts.flatMap((post) =>
      post.type === 'events' && post.run === run ? post.events.map((event) => event.step) : [],
    );
    expect(steps).toEqual(Array.from({ length: 100 }, (_, i) => 2 * i + run - 1));
  }
});
