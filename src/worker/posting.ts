import type { Report } from './messages.ts';

/** At most this many posts of events a second. */
const POSTS_PER_SECOND = 20;

/**
 * Wraps a post function: events that follow closely travel together, all other reports at once, order kept. The first
 * event after a pause is not held back.
 */
export function batchPosts(post: (report: Report) => void): (report: Report) => void {
  const interval = 1_000 / POSTS_PER_SECOND;
  let held: Extract<Report, { type: 'events' }> | null = null;
  let timer: ReturnType<typeof setTimeout> | null = null;
  let lastPost = -Infinity;

  const flush = (): void => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (!held) return;
    lastPost = performance.now();
    const report = held;
    held = null;
    post(report);
  };

  return (report) => {
    if (report.type !== 'events') {
      flush();
      post(report);
      return;
    }
    if (held && held.run !== report.run) flush();
    held = held ? { ...held, events: [...held.events, ...report.events] } : report;
    const wait = lastPost + interval - performance.now();
    if (wait <= 0) flush();
    else timer ??= setTimeout(flush, wait);
  };
}
