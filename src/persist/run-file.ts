import * as v from 'valibot';
import { EventCheck, EventError } from '../core/events/check.ts';
import type { RunEvent, StartEvent } from '../core/events/events.ts';
import { parse, stringify } from '../core/events/numbers.ts';
import { parametersOf, sizeOf, trained } from '../core/network/index.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { networkFor } from '../core/spec/network.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import { sha256Of } from './digest.ts';
import { RunFileError } from './errors.ts';
import type { CheckpointPlace } from './resumed.ts';
import { ZipReader, writeZip } from './zip.ts';

/** A run on its way to someone else, or to a later visit: all it told, and what it goes on from. */
export interface RunFile {
  readonly spec: Spec;
  readonly state: 'paused' | 'done' | 'error';
  /** Begins with the run's start. */
  readonly events: readonly RunEvent[];
  /** Bytes of a checkpoint (`encodeCheckpoint` of the lab, which reads and checks them), and its place in the log; null without. */
  readonly checkpoint: (CheckpointPlace & { readonly bytes: Uint8Array<ArrayBuffer> }) | null;
}

const RUN_FILE_FORMAT = 1;

const MANIFEST = 'manifest.json';
const README = 'README.txt';
const SPEC = 'spec.json';
const EVENTS = 'events.jsonl';
const CHECKPOINT = 'checkpoint.bin';
const FILES = [README, MANIFEST, SPEC, EVENTS, CHECKPOINT] as const;

/** Bytes: the largest run file; the largest of its texts; and one event, and all, as text (about 1.5 million steps). */
export const LARGEST_RUN_FILE = 1_000_000_000;
const LARGEST_TEXT = 1_000_000;
const LONGEST_EVENT = 32_000_000;
const LARGEST_LOG = 256_000_000;
/** Of a checkpoint all but its tensors: its header, with the scheme's state, and its frame. */
const CHECKPOINT_HEADER = 32_000_000;

const README_TEXT = `A run of Espalier, a pruning lab in a browser tab. Drop this file on its page to look at the run and to go on with it.

${MANIFEST}   what the run is called, how far it is, and the SHA-256 of each file
${SPEC}       what was asked for: opens the same run anew
${EVENTS}    all that the run told, a JSON object a line, in order; numbers that JSON lacks as {"$number":"NaN"}
${CHECKPOINT}  what it goes on from: a header in JSON, then float32 tensors (missing where there is none)
`;

/**
 * A run as the bytes of a zip file, called `*.espalier.zip`; equal runs give equal bytes. Throws a sentence when the
 * log is empty or too long.
 */
export async function writeRunFile({ spec, state, events, checkpoint }: RunFile): Promise<Uint8Array<ArrayBuffer>> {
  if (events.length === 0) throw new Error('This run has no history yet. Train it first.');
  const encoder = new TextEncoder();
  const text = (value: unknown): Uint8Array<ArrayBuffer> => encoder.encode(`${JSON.stringify(value, null, 2)}\n`);
  const parts = new Map([
    [SPEC, text(spec)],
    [EVENTS, linesOf(events)],
    ...(checkpoint ? [[CHECKPOINT, checkpoint.bytes] as const] : []),
  ]);
  const manifest = {
    format: RUN_FILE_FORMAT,
    name: spec.name,
    state,
    ...lengthOf(events),
    events: events.length,
    checkpoint: checkpoint ? { step: checkpoint.step, events: checkpoint.events } : null,
    files: await Promise.all(
      [...parts].map(async ([name, bytes]) => ({ name, bytes: bytes.length, sha256: await sha256Of(bytes) })),
    ),
  };
  const files = new Map([[README, encoder.encode(README_TEXT)], [MANIFEST, text(manifest)], ...parts]);
  // Weights are noise to deflate; stored, they are read back without a copy.
  return writeZip(files, [CHECKPOINT]);
}

/** Throws a sentence rather than write what could not be read back. */
function linesOf(events: readonly RunEvent[]): Uint8Array<ArrayBuffer> {
  const encoder = new TextEncoder();
  const lines = events.map((event) => encoder.encode(`${stringify(event)}\n`));
  const length = lines.reduce((sum, line) => sum + line.length, 0);
  if (length > LARGEST_LOG) {
    throw new Error(
      `The history of this run is too long for a run file (${Math.ceil(length / 1e6)} MB; at most ${LARGEST_LOG / 1e6} MB). Export its results instead.`,
    );
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
  }
  return bytes;
}

/** How far a run is, and how far it goes, by what it told. */
function lengthOf(events: readonly RunEvent[]): { readonly step: number; readonly steps: number } {
  const long = events.findLast((event) => event.kind === 'start' || event.kind === 'batchHalved');
  return { step: events.at(-1)?.step ?? 0, steps: long?.steps ?? 0 };
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const manifestSchema = v.strictObject({
  format: v.literal(RUN_FILE_FORMAT),
  name: v.string(),
  state: v.picklist(['paused', 'done', 'error']),
  step: count,
  steps: count,
  events: count,
  checkpoint: v.nullable(v.strictObject({ step: count, events: count })),
  files: v.pipe(
    v.array(
      v.strictObject({
        name: v.picklist([SPEC, EVENTS, CHECKPOINT]),
        bytes: count,
        sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
      }),
    ),
    v.maxLength(3),
  ),
});
type Manifest = v.InferOutput<typeof manifestSchema>;

/**
 * Reads `writeRunFile`'s bytes, or rejects with a RunFileError: a sentence. Trusts nothing in it: sizes are counted while
 * inflating, digests compared, the spec parsed, every event checked (see `EventCheck`); only the checkpoint stays bytes,
 * no longer than one of the spec's network, for the lab to check.
 */
export async function readRunFile(bytes: Uint8Array<ArrayBuffer>, schemes: readonly Scheme[]): Promise<RunFile> {
  try {
    return await read(bytes, schemes);
  } catch (error) {
    if (!(error instanceof RunFileError)) throw error;
    throw new RunFileError(
      `This run file cannot be opened: ${error.message}. Choose another file, or ask for it again.`,
      { cause: error },
    );
  }
}

async function read(bytes: Uint8Array<ArrayBuffer>, schemes: readonly Scheme[]): Promise<RunFile> {
  if (bytes.length > LARGEST_RUN_FILE) throw new RunFileError(`it is larger than ${LARGEST_RUN_FILE / 1e6} MB`);
  const zip = new ZipReader(bytes, FILES);
  const manifest = readManifest(zip.read(MANIFEST, LARGEST_TEXT));
  const part = async (name: Manifest['files'][number]['name'], most: number): Promise<Uint8Array<ArrayBuffer>> => {
    const entry = manifest.files.find((file) => file.name === name);
    const found = zip.read(name, most);
    if (entry?.bytes !== found.length || entry.sha256 !== (await sha256Of(found))) {
      throw new RunFileError(`${name} is not the one that ${MANIFEST} tells of`);
    }
    return found;
  };
  const spec = readSpec(await part(SPEC, LARGEST_TEXT), schemes);
  const { events, start } = readEvents(await part(EVENTS, LARGEST_LOG), spec, schemes);
  const { step, steps } = lengthOf(events);
  const { checkpoint: place, state } = manifest;
  if (
    manifest.name !== spec.name ||
    manifest.step !== step ||
    manifest.steps !== steps ||
    manifest.events !== events.length
  ) {
    throw new RunFileError(`${MANIFEST} tells of another run`);
  }
  if (!place) {
    if (zip.has(CHECKPOINT)) throw new RunFileError(`${MANIFEST} does not tell of its ${CHECKPOINT}`);
    return { spec, state, events, checkpoint: null };
  }
  checkPlace(place, events);
  const checkpoint = await part(CHECKPOINT, largestCheckpoint(start.spec, schemes));
  return { spec, state, events, checkpoint: { ...place, bytes: checkpoint } };
}

function jsonOf(bytes: Uint8Array<ArrayBuffer>, what: string): unknown {
  try {
    return parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new RunFileError(`${what} is not JSON`);
  }
}

function readManifest(bytes: Uint8Array<ArrayBuffer>): Manifest {
  const parsed = jsonOf(bytes, MANIFEST);
  const version = v.safeParse(v.looseObject({ format: v.number() }), parsed);
  if (version.success && version.output.format !== RUN_FILE_FORMAT) {
    throw new RunFileError(`its format is ${version.output.format}, and this version reads format ${RUN_FILE_FORMAT}`);
  }
  const result = v.safeParse(manifestSchema, parsed, { abortEarly: true });
  if (result.success) return result.output;
  const path = v.getDotPath(result.issues[0]);
  // What is not one of our own keys is not repeated.
  const key = path !== null && /^[a-z\d.]{1,60}$/i.test(path) ? `${path} in ` : '';
  throw new RunFileError(`${key}${MANIFEST} is not as expected`);
}

function readSpec(bytes: Uint8Array<ArrayBuffer>, schemes: readonly Scheme[]): Spec {
  const parsed = parseSpec(jsonOf(bytes, SPEC), schemes);
  if (parsed.ok) return parsed.spec;
  throw new RunFileError(`its spec is refused; ${(parsed.problems[0]?.message ?? '').replace(/\.$/, '')}`);
}

const LINE_END = 0x0a;

/** A line at a time, so that what is none is found before it is in memory as a whole. */
function readEvents(
  bytes: Uint8Array<ArrayBuffer>,
  spec: Spec,
  schemes: readonly Scheme[],
): { readonly events: readonly RunEvent[]; readonly start: StartEvent } {
  const check = new EventCheck(schemes);
  const events: RunEvent[] = [];
  try {
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(LINE_END, at);
      const line = bytes.subarray(at, end < 0 ? bytes.length : end);
      if (line.length > LONGEST_EVENT) throw new RunFileError(`events[${events.length}] is longer than any event`);
      events.push(check.add(jsonOf(line, `events[${events.length}]`)));
      at += line.length + 1;
    }
    const start = check.end();
    sameRun(spec, start.spec);
    return { events, start };
  } catch (error) {
    if (error instanceof EventError) throw new RunFileError(error.message, { cause: error });
    throw error;
  }
}

/** A run can have been renamed since it began, and its batch halved; its images, network, draws and scheme are the same. */
function sameRun(spec: Spec, told: Spec): void {
  const of = ({ model, seed, data, scheme }: Spec): string => JSON.stringify([model, seed, data, scheme]);
  if (of(spec) !== of(told)) throw new RunFileError('its spec and its events are of different runs');
}

/** A checkpoint was taken after what the log's first events tell. */
function checkPlace(place: CheckpointPlace, events: readonly RunEvent[]): void {
  const last = events[place.events - 1];
  if (!last || place.events > events.length || last.step > place.step) {
    throw new RunFileError(`its checkpoint (step ${place.step}, after ${place.events} events) has no place in its log`);
  }
}

/** Bytes: float32 parameters and momentum, and the header. */
function largestCheckpoint(spec: Spec, schemes: readonly Scheme[]): number {
  const floats = parametersOf(networkFor(spec, schemes)).reduce(
    (sum, { role, shape }) => sum + sizeOf(shape) * (trained(role) ? 2 : 1),
    0,
  );
  return 4 * floats + CHECKPOINT_HEADER;
}
