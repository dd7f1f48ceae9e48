import type { RunEvent } from '../core/events/events.ts';
import type { Report } from './messages.ts';

/** At most this many posts of events a second. */
const POSTS_PER_SECOND = 20;

type Events = Extract<Report, { type: 'events' }>;

/**
 * Wraps a post function: events that follow closely travel together (each run's in a post of its own), all other
 * reports at once, order within a run kept. The first event after a pause is not held back.
 */
export function batchPosts(post: (report: Report) => void): (report: Report) => void {
  const interval = 1_000 / POSTS_PER_SECOND;
  const held = new Map<number, RunEvent[]>();
  let timer: ReturnType<typeof setTimeout> | null = null;
  let lastPost = -Infinity;

  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (held.size === 0) return;
    lastPost = performance.now();
    const reports = [...held].map(([run, events]): Events => ({ type: 'events', run, events }));
    held.clear();
    reports.forEach(post);
  };

  return (report) => {
    if (report.type !== 'events') {
      flush();
      post(report);
      return;
    }
    const { run, events } = report;
    // In place: a run that is resumed tells its whole history at once.
    const together = held.get(run);
    if (together) for (const event of events) together.push(event);
    else held.set(run, [...events]);
    const wait = lastPost + interval - performance.now();
    if (wait <= 0) flush();
    else timer ??= setTimeout(flush, wait);
  };
}
