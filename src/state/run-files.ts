import type { RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Questions } from './asking.ts';
import { fileName } from '../export/index.ts';
import type { Written } from './export.ts';
import type { KeptRun } from './kept.ts';

const EXTENSION = 'espalier.zip';
/** As src/persist/run-file.ts has it; asked here so that a larger file is not even read. */
const LARGEST_BYTES = 1_000_000_000;

type Ask = Pick<Questions, 'ask'>;

/** An open run as a run file. Rejects with a sentence when it has not been trained yet. */
export async function writeRunFile(lab: Ask, { run, spec }: { run: number; spec: Spec }): Promise<Written> {
  const { bytes } = await lab.ask(run, { kind: 'writeRunFile', name: spec.name });
  return { files: [{ name: fileName(spec.name, EXTENSION), bytes }] };
}

/** A kept run as a run file. */
export async function writeKeptFile(lab: Ask, { id, name }: Pick<KeptRun, 'id' | 'name'>): Promise<Written> {
  const { bytes } = await lab.ask(NO_RUN, { kind: 'writeKeptFile', id });
  return { files: [{ name: fileName(name, EXTENSION), bytes }] };
}

/** What was in a run file: a run that is kept in this browser now, or (without a checkpoint) one to look at. */
export type OpenedFile =
  | { readonly kept: Pick<KeptRun, 'id' | 'name' | 'spec' | 'state'> }
  | { readonly kept: null; readonly spec: Spec; readonly events: readonly RunEvent[] };

/** Has a run file checked and its run kept. Rejects with a sentence, and nothing has changed. */
export async function readRunFile(lab: Ask, file: Blob & { readonly name?: string }): Promise<OpenedFile> {
  if (file.size > LARGEST_BYTES) {
    throw new Error(`This file is larger than ${LARGEST_BYTES / 1e6} MB, so it is no run file. Choose another file.`);
  }
  const bytes = await bytesOf(file);
  const { id, spec, state, events } = await lab.ask(NO_RUN, { kind: 'readRunFile', bytes });
  return id === null ? { kept: null, spec, events } : { kept: { id, name: spec.name, spec, state } };
}

async function bytesOf(file: Blob): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (error) {
    throw new Error('This file cannot be read: it was moved, or is a folder. Choose it again.', { cause: error });
  }
}

/** Questions about files are about none of the page's runs. */
const NO_RUN = 0;
