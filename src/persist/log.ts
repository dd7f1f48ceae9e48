import type { RunEvent } from '../core/events/events.ts';
import type { Entry, Key } from './backend.ts';
import { checkedBytes, sha256Of } from './digest.ts';
import { type EventChunk, type RunRecord, decodeEvents, encodeEvents, readChunk } from './records.ts';
import { heldAfter } from './resumed.ts';

/** A run's log as it lies in chunks. */
export interface StoredLog {
  /** In order of position; `events` is null where the chunk is damaged. */
  readonly chunks: readonly {
    readonly key: Key;
    readonly from: number;
    readonly bytes: number;
    readonly events: readonly RunEvent[] | null;
  }[];
  /** Of all chunks that could be read. */
  readonly events: readonly RunEvent[];
  readonly damaged: boolean;
}

/** Reads the chunks of a log, entries of the store `events` in their order. */
export async function readLog(entries: readonly Entry[]): Promise<StoredLog> {
  const chunks = await Promise.all(
    entries.map(async ({ key, value }) => {
      const chunk = readChunk(value);
      const sound = chunk && (await checkedBytes(chunk.bytes, chunk.sha256));
      const read = sound && decodeEvents(sound);
      const events = read?.length === chunk?.count ? read : null;
      return { key, from: Number(key[1]), bytes: chunk?.bytes.length ?? 0, events };
    }),
  );
  return {
    chunks,
    events: chunks.flatMap(({ events }) => events ?? []),
    damaged: chunks.some(({ events }) => events === null),
  };
}

/** Changes to a stored log that leave what holds after resuming from the checkpoint. */
export interface Cut {
  readonly remove: readonly Key[];
  readonly put: readonly { readonly key: Key; readonly value: EventChunk }[];
  /** Of the record afterwards. */
  readonly events: RunRecord['events'];
  /** The events left. */
  readonly held: readonly RunEvent[];
}

/** Cuts a log at the record's checkpoint as `resumedLog` does; without a checkpoint nothing is left. */
export async function cutLog({ chunks }: StoredLog, { id, checkpoint }: RunRecord): Promise<Cut> {
  const { events: at, step } = checkpoint ?? { events: 0, step: 0 };
  const whole = chunks.filter(({ from, events }) => from + (events?.length ?? 1) <= at);
  const rest = chunks.filter((chunk) => !whole.includes(chunk));
  const before = rest.flatMap(({ from, events }) => events?.slice(0, Math.max(0, at - from)) ?? []);
  const after = checkpoint ? rest.flatMap(({ from, events }) => events?.slice(Math.max(0, at - from)) ?? []) : [];
  const put: Cut['put'][number][] = [];
  const add = async (from: number, events: readonly RunEvent[]): Promise<void> => {
    if (events.length === 0) return;
    const bytes = encodeEvents(events);
    put.push({ key: [id, from], value: { count: events.length, bytes, sha256: await sha256Of(bytes) } });
  };
  const said = heldAfter(after, { step });
  await add(at - before.length, before);
  await add(at, said);
  const bytes = [...whole.map((chunk) => chunk.bytes), ...put.map(({ value }) => value.bytes.length)];
  return {
    remove: rest.map(({ key }) => key),
    put,
    events: { end: at + said.length, bytes: bytes.reduce((sum, size) => sum + size, 0) },
    held: [...whole.flatMap(({ events }) => events ?? []), ...before, ...said],
  };
}
