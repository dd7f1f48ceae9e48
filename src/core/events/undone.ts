import type { BatchHalvedEvent, RecoveredEvent, RunEvent } from './events.ts';

/** Whether the run went back to the event's step, so that what it told of later steps no longer holds. */
export const goesBack = (event: RunEvent): event is RecoveredEvent | BatchHalvedEvent =>
  event.kind === 'recovered' || event.kind === 'batchHalved';

/** Whether an event still holds after a run went back to `step`: all up to there do, and what was said to the reader. */
export const holdsAt = (event: RunEvent, step: number): boolean =>
  event.step <= step || event.kind === 'note' || goesBack(event);

/** The events that still hold after a run went back to `step`. */
export const heldAt = (events: readonly RunEvent[], step: number): RunEvent[] =>
  events.filter((event) => holdsAt(event, step));

/** The log without what a run told of steps that it went back over. */
export function withoutUndone(events: readonly RunEvent[]): readonly RunEvent[] {
  if (!events.some(goesBack)) return events;
  let held: RunEvent[] = [];
  for (const event of events) {
    if (goesBack(event)) held = heldAt(held, event.step);
    held.push(event);
  }
  return held;
}
