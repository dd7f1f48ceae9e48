import * as v from 'valibot';
import type { AdapterRecord } from '../core/events/events.ts';
import { type Structure, checkStructure, parametersOf, sizeOf, trained } from '../core/network/index.ts';
import { networkFor } from '../core/spec/network.ts';
import { parseSpec } from '../core/spec/parse.ts';
import { type Spec, totalSteps } from '../core/spec/spec.ts';
import type { Checkpoint } from '../engine/engine.ts';
import { SCHEMES } from '../schemes/index.ts';
import { sentenceOf } from './faults.ts';
import type { SettingChange } from './settings.ts';

/** Everything a run needs to go on: bit for bit on the same build and adapter. */
export interface RunCheckpoint {
  readonly spec: Spec;
  readonly adapter: AdapterRecord;
  /** The scheme's own state, plain JSON; undefined where a fork has another scheme than its parent. */
  readonly scheme: unknown;
  /** Whether what is due at its step (a decision, an evaluation) is still to be done. */
  readonly pending?: boolean;
  /** What was changed by hand so far. */
  readonly settings?: readonly SettingChange[];
  /** Steps in a row with an exploding loss (see DivergenceWatch). */
  readonly explodingSteps: number;
  /** Step, structure, full-size parameters and momentum. */
  readonly trainer: Checkpoint;
}

const CHECKPOINT_FORMAT = 1;
const MAGIC = 'espalier';
const HEADER_AT = MAGIC.length + 4;
const DIGEST_BYTES = 32;
const SECTIONS = ['parameters', 'momentum'] as const;

/**
 * Bytes of a checkpoint, little-endian:
 *
 *     8 bytes   "espalier"
 *     4 bytes   length n of the header, a multiple of 4
 *     n bytes   header, JSON padded with spaces: format version, spec, adapter, scheme state, step, structure, kernel
 *               variants (where there are any), and the tensors in order as { section: "parameters" | "momentum", name, length }
 *     ...       the tensors' float32 values one after another
 *     32 bytes  SHA-256 of everything before
 */
export async function encodeCheckpoint(checkpoint: RunCheckpoint): Promise<Uint8Array<ArrayBuffer>> {
  const { spec, adapter, scheme, pending, settings, explodingSteps, trainer } = checkpoint;
  const tensors = SECTIONS.flatMap((section) =>
    [...trainer[section]].map(([name, values]) => ({ section, name, values })),
  );
  const json = JSON.stringify({
    format: CHECKPOINT_FORMAT,
    spec,
    adapter,
    scheme,
    pending,
    settings,
    explodingSteps,
    step: trainer.step,
    structure: trainer.structure,
    variants: trainer.variants,
    tensors: tensors.map(({ section, name, values }) => ({ section, name, length: values.length })),
  });
  const unpadded = new TextEncoder().encode(json);
  const headerLength = Math.ceil(unpadded.length / 4) * 4;
  const floats = tensors.reduce((sum, { values }) => sum + values.length, 0);
  const bytes = new Uint8Array(HEADER_AT + headerLength + 4 * floats + DIGEST_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint32(MAGIC.length, headerLength, true);
  bytes.fill(0x20, HEADER_AT, HEADER_AT + headerLength);
  bytes.set(unpadded, HEADER_AT);
  let at = HEADER_AT + headerLength;
  for (const { values } of tensors) {
    bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), at);
    at += values.byteLength;
  }
  bytes.set(await sha256(bytes.subarray(0, at)), at);
  return bytes;
}

type Sections = Readonly<Record<(typeof SECTIONS)[number], Map<string, Float32Array>>>;

/** Reads a checkpoint's bytes. Throws a sentence when they are none, damaged, of another format version, or not of the network of their spec. */
export async function decodeCheckpoint(bytes: Uint8Array<ArrayBuffer>): Promise<RunCheckpoint> {
  const text = (from: number, to: number): string => new TextDecoder().decode(bytes.subarray(from, to));
  if (bytes.length < HEADER_AT + DIGEST_BYTES || text(0, MAGIC.length) !== MAGIC) {
    throw new Error('This is not an Espalier checkpoint. Choose a file called checkpoint.bin.');
  }
  const end = bytes.length - DIGEST_BYTES;
  const digest = await sha256(bytes.subarray(0, end));
  if (digest.some((byte, index) => byte !== bytes[end + index])) {
    throw new Error('The checkpoint is damaged: its SHA-256 does not match. Use another copy or start the run again.');
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerEnd = HEADER_AT + view.getUint32(MAGIC.length, true);
  const header = readHeader(text(HEADER_AT, Math.min(headerEnd, end)));
  const sections: Sections = { parameters: new Map(), momentum: new Map() };
  let at = headerEnd;
  for (const { section, name, length } of header.tensors) {
    if (at + 4 * length > end) throw malformed(`tensor "${name}" is longer than the file`);
    // A copy: the section may start at an odd address of a larger buffer.
    sections[section].set(name, new Float32Array(bytes.slice(at, at + 4 * length).buffer));
    at += 4 * length;
  }
  if (at !== end) throw malformed('it has bytes that belong to no tensor');
  checkFits(header, sections);
  const { spec, adapter, scheme, pending, settings, explodingSteps, step, structure, variants } = header;
  const trainer = { step, structure, ...sections, ...(variants === undefined ? {} : { variants }) };
  return {
    spec,
    adapter,
    scheme,
    ...(pending === undefined ? {} : { pending }),
    ...(settings === undefined ? {} : { settings }),
    explodingSteps,
    trainer,
  };
}

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const settingSchema = v.object({
  step: count,
  learningRate: v.exactOptional(v.pipe(v.number(), v.finite(), v.minValue(0))),
  weightDecay: v.exactOptional(v.pipe(v.number(), v.finite(), v.minValue(0))),
});

const headerSchema = v.object({
  format: v.literal(CHECKPOINT_FORMAT),
  spec: v.unknown(),
  adapter: v.object({
    backend: v.picklist(['webgpu', 'tfjs']),
    vendor: v.string(),
    architecture: v.string(),
    description: v.string(),
  }),
  scheme: v.unknown(),
  pending: v.optional(v.boolean()),
  settings: v.optional(v.array(settingSchema)),
  explodingSteps: count,
  step: count,
  structure: v.object({
    channels: v.record(v.string(), v.array(count)),
    taps: v.exactOptional(v.record(v.string(), v.object({ stride: count, offsets: v.array(count) }))),
  }),
  variants: v.optional(v.string()),
  tensors: v.array(v.object({ section: v.picklist(SECTIONS), name: v.string(), length: count })),
});

type Header = Omit<v.InferOutput<typeof headerSchema>, 'spec' | 'structure'> & {
  readonly spec: Spec;
  readonly structure: Structure;
};

function readHeader(json: string): Header {
  const parsed = jsonOf(json);
  const format = v.safeParse(v.object({ format: v.number() }), parsed);
  if (format.success && format.output.format !== CHECKPOINT_FORMAT) {
    throw new Error(
      `The checkpoint has format ${format.output.format}; this version reads format ${CHECKPOINT_FORMAT}. Use the version that wrote it.`,
    );
  }
  const result = v.safeParse(headerSchema, parsed);
  if (!result.success) {
    const path = v.getDotPath(result.issues[0]);
    // Names that are not ours are not repeated.
    const place = path !== null && /^[\w./]{1,100}$/.test(path) ? path : 'its header';
    throw malformed(`${place} is not as it was written`);
  }
  const spec = parseSpec(result.output.spec, SCHEMES);
  if (!spec.ok) throw malformed(spec.problems[0]?.message ?? 'its spec is not valid');
  return { ...result.output, spec: spec.spec };
}

function jsonOf(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw malformed('its header is not JSON');
  }
}

/** Throws a sentence unless all of it is of the network that the spec runs: engines rely on it. */
function checkFits({ spec, structure, step, settings = [], tensors }: Header, sections: Sections): void {
  const network = fitting(() => networkFor(spec, SCHEMES));
  fitting(() => checkStructure(network, structure));
  const steps = totalSteps(spec);
  if (step > steps) throw malformed(`step ${step} is behind the end of its run, ${steps}`);
  if (settings.some((setting) => setting.step > step)) throw malformed('its settings were changed after its step');
  const parameters = parametersOf(network);
  const wanted = {
    parameters: parameters.map(({ name, shape }) => ({ name, length: sizeOf(shape) })),
    momentum: parameters.flatMap(({ name, role, shape }) => (trained(role) ? [{ name, length: sizeOf(shape) }] : [])),
  };
  for (const section of SECTIONS) {
    for (const { name, length } of wanted[section]) {
      const found = sections[section].get(name)?.length;
      if (found === undefined) throw malformed(`the ${section} of "${name}" are missing`);
      if (found !== length) throw malformed(`the ${section} of "${name}" have ${found} values, not ${length}`);
    }
  }
  const most = wanted.parameters.length + wanted.momentum.length;
  if (tensors.length > most) throw malformed(`it has ${tensors.length} tensors, and its network ${most}`);
}

function fitting<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw malformed(sentenceOf(error).replace(/\.$/, ''));
  }
}

const malformed = (what: string): Error => new Error(`The checkpoint cannot be used: ${what}.`);

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
}
