import * as v from 'valibot';
import type { RunEvent } from '../core/events/events.ts';
import { parse, stringify } from '../core/events/numbers.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import { DamagedError } from './errors.ts';

const STATES = ['running', 'paused', 'stopped', 'done', 'error'] as const;

/**
 * Where a kept run stands. One that was `running` or `paused` when its tab went away was interrupted; one that its user
 * closed (reset, removed) before its end is `stopped`.
 */
export type KeptState = (typeof STATES)[number];

/** Each run has two places for checkpoints: one holds the acknowledged one while the other is written. */
export type Slot = 'a' | 'b';

export interface CheckpointRecord {
  readonly slot: Slot;
  /** Updates it was taken after. */
  readonly step: number;
  /** Events told before it was taken: what was told after belongs to steps that are trained again on resuming. */
  readonly events: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** What the store knows of a run without reading its checkpoint or events. Times in milliseconds since 1970. */
export interface RunRecord {
  readonly format: 1;
  readonly id: string;
  readonly name: string;
  readonly spec: Spec;
  readonly created: number;
  readonly updated: number;
  readonly step: number;
  readonly steps: number;
  readonly state: KeptState;
  /** The acknowledged checkpoint; null before the first. */
  readonly checkpoint: CheckpointRecord | null;
  /** Position after the last stored event, and bytes of all stored chunks. */
  readonly events: { readonly end: number; readonly bytes: number };
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'a SHA-256'));

const recordSchema = v.strictObject({
  format: v.literal(1),
  id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
  name: v.string(),
  spec: v.unknown(),
  created: v.pipe(v.number(), v.finite()),
  updated: v.pipe(v.number(), v.finite()),
  step: count,
  steps: count,
  state: v.picklist(STATES),
  checkpoint: v.nullable(
    v.strictObject({ slot: v.picklist(['a', 'b']), step: count, events: count, bytes: count, sha256 }),
  ),
  events: v.strictObject({ end: count, bytes: count }),
});

/** Reads a run's record. Throws a DamagedError when it is none. */
export function readRecord(value: unknown, id: string, schemes: readonly Scheme[]): RunRecord {
  const refuse = (why: string): DamagedError =>
    new DamagedError(`A kept run (${id}) cannot be read: ${why}. Delete it; the other runs are not affected.`);
  const result = v.safeParse(recordSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw refuse(`${v.getDotPath(issue) ?? 'its record'} is damaged`);
  }
  if (result.output.id !== id) throw refuse('its record is that of another run');
  const spec = parseSpec(result.output.spec, schemes);
  if (!spec.ok) throw refuse(spec.problems[0]?.message ?? 'its spec is not valid');
  return { ...result.output, spec: spec.spec };
}

/** A part of the log as it is stored: UTF-8 of a JSON array. */
export interface EventChunk {
  readonly count: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

const chunkSchema = v.object({
  count,
  bytes: v.custom<Uint8Array<ArrayBuffer>>((value) => value instanceof Uint8Array),
  sha256,
});

/** Reads a chunk, but for its events; null when it is none. */
export function readChunk(value: unknown): EventChunk | null {
  const result = v.safeParse(chunkSchema, value);
  return result.success ? result.output : null;
}

/** Events as UTF-8 of a JSON array. */
export const encodeEvents = (events: readonly RunEvent[]): Uint8Array<ArrayBuffer> =>
  new TextEncoder().encode(stringify(events));

const eventsSchema = v.array(v.looseObject({ kind: v.string(), step: v.pipe(v.number(), v.minValue(0)) }));

/** Reads `encodeEvents`; null when it is none. What is in an event is not looked at: the digest says it is what we wrote. */
export function decodeEvents(bytes: Uint8Array<ArrayBuffer>): RunEvent[] | null {
  try {
    const events = v.safeParse(eventsSchema, parse(new TextDecoder().decode(bytes)));
    return events.success ? (events.output as unknown as RunEvent[]) : null;
  } catch {
    return null;
  }
}
