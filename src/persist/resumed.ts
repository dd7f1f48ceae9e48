import type { NoteEvent, RunEvent } from '../core/events/events.ts';

/** A checkpoint's place in the log: the updates it was taken after, and the events that had been told by then. */
export interface CheckpointPlace {
  readonly step: number;
  readonly events: number;
}

/**
 * What holds of the events after a checkpoint when a run is resumed from it: its steps are trained, and told, again, as
 * after a `recovered` (see `withoutUndone`), so what was told of them goes, and what was said to the reader stays, as
 * notes of the checkpoint's step: the log then goes on without going back. A batch halved after the checkpoint is
 * forgotten: the checkpoint's run never halved it.
 */
export const heldAfter = (events: readonly RunEvent[], { step }: Pick<CheckpointPlace, 'step'>): NoteEvent[] =>
  events
    .filter((event) => event.kind === 'note' || event.kind === 'recovered')
    .map(({ message }) => ({ kind: 'note', step, message }));

/**
 * The log of a run that is resumed from a checkpoint. Cut by position, not by step: a checkpoint can be taken between
 * an update and the decision due after it.
 */
export const resumedLog = (events: readonly RunEvent[], place: CheckpointPlace): RunEvent[] => [
  ...events.slice(0, place.events),
  ...heldAfter(events.slice(place.events), place),
];
