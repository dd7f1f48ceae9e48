import type { RunEvent } from '../../core/events/events.ts';
import { type Tick, Ticks, nextTick } from '../../core/events/ticks.ts';
import type { Lab } from '../../state/store.ts';

const books = new WeakMap<readonly RunEvent[], { readonly ticks: Ticks; told: number }>();

/** The ticks of a log that grows in place; only what is new is looked at. */
export function ticksOfLog(log: readonly RunEvent[]): readonly Tick[] {
  const book = books.get(log) ?? { ticks: new Ticks(), told: 0 };
  if (book.told < log.length) {
    book.ticks.add(log.slice(book.told));
    book.told = log.length;
    books.set(log, book);
  }
  return book.ticks.list;
}

/** The step of the nearest event of any run in sight after (1) or before (-1) the one that is shown; null when none is. */
export function neighbouringEvent(lab: Lab, direction: 1 | -1): number | null {
  const { cursor, lanes } = lab.store.getState();
  const from = cursor ?? lab.lastStep();
  const steps = lanes
    .filter(({ hidden }) => !hidden)
    .flatMap(({ run }) => nextTick(ticksOfLog(lab.events(run)), from, direction) ?? []);
  if (steps.length === 0) return null;
  return direction === 1 ? Math.min(...steps) : Math.max(...steps);
}
