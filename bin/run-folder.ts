import { createHash } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { RunEvent } from '../src/core/events/events.ts';
import { encodeRecording } from '../src/core/events/recording.ts';
import { type RunResult, resultOf } from '../src/core/events/history.ts';
import { differencesBetween } from '../src/core/spec/differences.ts';
import { parseSpec } from '../src/core/spec/parse.ts';
import type { Spec } from '../src/core/spec/spec.ts';
import { type RunCheckpoint, decodeCheckpoint, encodeCheckpoint } from '../src/lab/checkpoint.ts';
import { SCHEMES } from '../src/schemes/index.ts';
import { sentenceOf } from './around.ts';
import { bytesIfThere, readIfThere, writeWhole } from './files.ts';

export const RESULT = 'result.json';
export const CHECKPOINT = 'checkpoint.bin';
const RECORDING = 'recording.json';
/** What an unfinished run has told so far: an event a line, and a mark for every checkpoint. */
export const JOURNAL = 'events.jsonl';

/** `result.json`: what a run's events say, and seconds from its opening to its end, those between a stop and `--resume` left out. */
export interface WrittenResult extends RunResult {
  readonly wallSeconds?: number;
}

/** A run to go on with: its checkpoint, all it told until then, and the seconds it took. */
export interface Unfinished {
  readonly checkpoint: RunCheckpoint;
  readonly events: readonly RunEvent[];
  readonly seconds: number;
}

export type FolderState =
  | { readonly kind: 'empty' }
  /** Finished, or diverged, which it would do again. */
  | { readonly kind: 'ended'; readonly result: WrittenResult }
  /** `result`: of a run that failed after its last checkpoint. */
  | { readonly kind: 'unfinished'; readonly unfinished: Unfinished; readonly result: WrittenResult | null }
  /** Failed before its first checkpoint. */
  | { readonly kind: 'failed'; readonly result: WrittenResult }
  /** There is something of a run, but it cannot be gone on with; `why` is a sentence. */
  | { readonly kind: 'unusable'; readonly why: string };

/** A mark in the journal: the checkpoint with this SHA-256 was taken after the events above it. */
interface Mark {
  readonly checkpoint: string;
  readonly step: number;
  readonly seconds: number;
}

/** What a folder holds of a run. */
export async function readRunFolder(folder: string): Promise<FolderState> {
  const text = await readIfThere(join(folder, RESULT));
  const result = text === null ? null : readResult(text);
  if (result && endOf(result) !== 'failed') return { kind: 'ended', result };
  const bytes = await bytesIfThere(join(folder, CHECKPOINT));
  const journal = await readIfThere(join(folder, JOURNAL));
  if (bytes === null || journal === null) {
    if (result) return { kind: 'failed', result };
    if (text !== null) return { kind: 'unusable', why: `Its ${RESULT} is damaged.` };
    return bytes === null ? { kind: 'empty' } : { kind: 'unusable', why: `${CHECKPOINT} has no ${JOURNAL} beside it.` };
  }
  try {
    const { events, seconds } = readJournal(journal, digestOf(bytes));
    return { kind: 'unfinished', unfinished: { checkpoint: await decodeCheckpoint(bytes), events, seconds }, result };
  } catch (error) {
    return { kind: 'unusable', why: sentenceOf(error) };
  }
}

/** Reads a `result.json`. Null when it is none, or not whole. */
export function readResult(text: string): WrittenResult | null {
  try {
    const result = JSON.parse(text) as WrittenResult;
    const spec = parseSpec(result.spec, SCHEMES);
    const { history, events, final, adapter } = result;
    const whole = spec.ok && [history, events, final.latencyMs].every(Array.isArray);
    const counts = [final.macs, final.parameters, final.dense.macs, final.dense.parameters, final.imagesPerSecond];
    const typed = counts.every((count) => typeof count === 'number') && typeof adapter.description === 'string';
    return whole && typed ? { ...result, spec: spec.spec } : null;
  } catch {
    return null;
  }
}

/** How a run ended, by its result. */
export function endOf({ events }: Pick<RunResult, 'events'>): 'done' | 'diverged' | 'failed' {
  if (events.some(({ kind }) => kind === 'finish')) return 'done';
  return events.some(({ kind }) => kind === 'diverged') ? 'diverged' : 'failed';
}

/** Why a run stopped before its end; undefined when it did not. */
export function stopMessage(events: RunResult['events']): string | undefined {
  const stop = events.find((event) => event.kind === 'diverged' || event.kind === 'error');
  return stop && 'message' in stop ? stop.message : undefined;
}

/** The events before the mark of a checkpoint, and its seconds. Throws a sentence when there is no such mark. */
function readJournal(journal: string, digest: string): Pick<Unfinished, 'events' | 'seconds'> {
  const events: RunEvent[] = [];
  // What follows the last line break was being written when the process died.
  for (const line of journal.split('\n').slice(0, -1)) {
    const entry = JSON.parse(line) as RunEvent | Mark;
    if (!('checkpoint' in entry)) events.push(entry);
    else if (entry.checkpoint === digest) return { events, seconds: entry.seconds };
  }
  throw new Error(`${CHECKPOINT} and ${JOURNAL} do not belong together.`);
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The spec of the run that a folder holds. */
export function specIn(state: FolderState): Spec | null {
  if (state.kind === 'ended' || state.kind === 'failed') return state.result.spec;
  if (state.kind !== 'unfinished') return null;
  const start = state.unfinished.events.find((event) => event.kind === 'start');
  return start?.spec ?? null;
}

/** In what two specs differ, as part of a sentence; null when they are equal. */
export function differenceBetween(there: Spec, wanted: Spec): string | null {
  if (isDeepStrictEqual(JSON.parse(JSON.stringify(there)), JSON.parse(JSON.stringify(wanted)))) return null;
  const name = there.name === wanted.name ? [] : [{ path: 'name', values: [there.name, wanted.name] }];
  return [...name, ...differencesBetween([there, wanted])]
    .map(({ path, values: [before, now] }) => `${path} (there ${before}, asked for ${now})`)
    .join(', ');
}

/**
 * Keeps a run in its folder while it goes on, so that it can be gone on with at any time: first the events since the last
 * time and the checkpoint's mark, then the checkpoint in place of the last one. A process that dies in between leaves the
 * last checkpoint, whose mark stands further up.
 */
export class Keeper {
  #journal: FileHandle | null = null;
  /** Events written. */
  #written = 0;

  constructor(readonly folder: string) {}

  /** Begins anew: nothing of an earlier run stays. Or goes on, with the journal cut at the checkpoint. */
  async begin(unfinished: Unfinished | null): Promise<void> {
    await this.#remove(RESULT, RECORDING);
    if (unfinished) {
      const mark = { checkpoint: digestOf(await this.#checkpointThere()), ...placeOf(unfinished) };
      await writeWhole(this.folder, JOURNAL, linesOf([...unfinished.events, mark]));
      this.#written = unfinished.events.length;
    } else await this.#remove(CHECKPOINT, JOURNAL);
  }

  /** `events`: all that the run told. */
  async keep(checkpoint: RunCheckpoint, events: readonly RunEvent[], seconds: number): Promise<void> {
    const bytes = await encodeCheckpoint(checkpoint);
    const mark = { checkpoint: digestOf(bytes), ...placeOf({ checkpoint, seconds }) };
    this.#journal ??= await open(join(this.folder, JOURNAL), 'a');
    await this.#journal.writeFile(linesOf([...events.slice(this.#written), mark]));
    await this.#journal.sync();
    this.#written = events.length;
    await writeWhole(this.folder, CHECKPOINT, bytes);
  }

  /** Writes what the run came to. What belongs to an unfinished run goes, but where it failed, since it can be gone on with. */
  async end(events: readonly RunEvent[], seconds: number, record: boolean): Promise<WrittenResult> {
    await this.close();
    const result: WrittenResult = { ...resultOf(events), wallSeconds: seconds };
    const end = endOf(result);
    // A diverged state is nothing to go on from.
    if (end === 'diverged') await this.#remove(CHECKPOINT);
    if (record) await writeWhole(this.folder, RECORDING, `${encodeRecording(events)}\n`);
    await writeWhole(this.folder, RESULT, `${JSON.stringify(result, null, 2)}\n`);
    if (end !== 'failed') await this.#remove(JOURNAL);
    return result;
  }

  async close(): Promise<void> {
    await this.#journal?.close();
    this.#journal = null;
  }

  async #checkpointThere(): Promise<Uint8Array> {
    const bytes = await bytesIfThere(join(this.folder, CHECKPOINT));
    if (!bytes) throw new Error(`${CHECKPOINT} has gone from ${this.folder}.`);
    return bytes;
  }

  async #remove(...names: readonly string[]): Promise<void> {
    for (const name of names) await rm(join(this.folder, name), { force: true });
  }
}

const placeOf = ({ checkpoint, seconds }: Pick<Unfinished, 'checkpoint' | 'seconds'>): Omit<Mark, 'checkpoint'> => ({
  step: checkpoint.trainer.step,
  seconds,
});

const linesOf = (entries: readonly (RunEvent | Mark)[]): string =>
  entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
