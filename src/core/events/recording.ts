import * as v from 'valibot';
import type { Scheme } from '../scheme/scheme.ts';
import { parseSpec } from '../spec/parse.ts';
import type { Spec } from '../spec/spec.ts';
import { EventError, checkEvents } from './check.ts';
import type { RunEvent } from './events.ts';
import { parse, stringify } from './numbers.ts';
import { withoutUndone } from './undone.ts';

/** Everything a real run told, to be looked at again: nothing of it is computed a second time. */
export interface Recording {
  readonly spec: Spec;
  readonly events: readonly RunEvent[];
}

const RECORDING_FORMAT = 1;

/** The recording as JSON. What the run went back over is left out. */
export const encodeRecording = (events: readonly RunEvent[]): string => {
  const kept = withoutUndone(events);
  const start = kept.find((event) => event.kind === 'start');
  if (!start) throw new Error('This run has no history yet.');
  return stringify({ format: RECORDING_FORMAT, spec: start.spec, events: kept });
};

const schema = v.object({
  format: v.literal(RECORDING_FORMAT),
  spec: v.unknown(),
  events: v.pipe(v.array(v.unknown()), v.minLength(1)),
});

/** Reads `encodeRecording`. Throws a sentence when it is none, or when its events are not those of a run (see `EventCheck`). */
export function decodeRecording(json: string, schemes: readonly Scheme[]): Recording {
  const refuse = (why: string): Error =>
    new Error(`The recorded run cannot be shown: ${why}. Reload the page; if that does not help, run it anew.`);
  let parsed: unknown;
  try {
    parsed = parse(json);
  } catch {
    throw refuse('its file is damaged');
  }
  const read = v.safeParse(schema, parsed);
  if (!read.success) throw refuse(`${v.getDotPath(read.issues[0]) ?? 'its file'} is not as expected`);
  const spec = parseSpec(read.output.spec, schemes);
  if (!spec.ok) throw refuse(spec.problems[0]?.message ?? 'its spec is not valid');
  try {
    return { spec: spec.spec, events: checkEvents(read.output.events, schemes) };
  } catch (error) {
    if (error instanceof EventError) throw refuse(error.message);
    throw error;
  }
}
