import { Inflate, type Zippable, zipSync } from 'fflate';
import { RunFileError } from './errors.ts';

/** Bytes of deflate that are handed over at once: they inflate to about a thousand times as many at most. */
const PIECE = 16_384;

/**
 * A zip file of these files, in their order; equal files make equal bytes, whatever the day. `stored`: names of those
 * that do not get smaller by deflate.
 */
export function writeZip(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  stored: readonly string[],
): Uint8Array<ArrayBuffer> {
  const zippable: Zippable = {};
  // The beginning of zip's calendar, in local time, which is what a zip holds.
  const mtime = new Date(1980, 0, 1);
  for (const [name, bytes] of files) zippable[name] = [bytes, { level: stored.includes(name) ? 0 : 6, mtime }];
  return zipSync(zippable) as Uint8Array<ArrayBuffer>;
}

interface Entry {
  readonly method: number;
  readonly crc: number;
  /** The file as it lies in the zip. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** What the zip says of its inflated size; checked, never trusted. */
  readonly size: number;
}

/**
 * A zip file of few, known files. Nothing is inflated before it is asked for, and then no further than allowed. Throws a
 * RunFileError when it is none, cut off, or has other files than `known`, each once at most.
 */
export class ZipReader {
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(bytes: Uint8Array<ArrayBuffer>, known: readonly string[]) {
    this.#entries = entriesOf(bytes, known);
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /**
   * The bytes of a file; a view of the zip's where it is stored as it is. Throws a RunFileError when it is missing,
   * damaged, or longer than `most` bytes.
   */
  read(name: string, most: number): Uint8Array<ArrayBuffer> {
    const entry = this.#entries.get(name);
    if (!entry) throw new RunFileError(`${name} is missing`);
    const tooLarge = new RunFileError(`${name} is larger than that of any run (${most} bytes)`);
    if (entry.size > most) throw tooLarge;
    const bytes = entry.method === 0 ? entry.data : inflated(entry.data, entry.size);
    if (!bytes || bytes.length !== entry.size || crc32(bytes) !== entry.crc)
      throw new RunFileError(`${name} is damaged`);
    return bytes;
  }
}

/** Inflates into as many bytes as are expected; null when it is damaged or becomes longer. */
function inflated(data: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> | null {
  const out: { readonly parts: Uint8Array[]; length: number } = { parts: [], length: 0 };
  const inflate = new Inflate((part) => {
    out.parts.push(part);
    out.length += part.length;
  });
  try {
    // The last piece throws when there should be more.
    for (let at = 0; at < data.length; at += PIECE) {
      inflate.push(data.subarray(at, at + PIECE), at + PIECE >= data.length);
      if (out.length > size) return null;
    }
  } catch {
    return null;
  }
  if (out.length !== size) return null;
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of out.parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** Signatures and lengths of the parts of a zip (PKWARE's APPNOTE, 4.3.7, 4.3.12 and 4.3.16). */
const LOCAL = { signature: 0x04034b50, length: 30 };
const CENTRAL = { signature: 0x02014b50, length: 46 };
const END = { signature: 0x06054b50, length: 22 };
const LONGEST_COMMENT = 65_535;

const noZip = (): RunFileError => new RunFileError('it is no zip file');
const cutOff = (): RunFileError => new RunFileError('it is cut off or damaged');

function entriesOf(bytes: Uint8Array<ArrayBuffer>, known: readonly string[]): ReadonlyMap<string, Entry> {
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 4 || data.getUint32(0, true) !== LOCAL.signature) throw noZip();
  const end = endOf(data);
  const count = data.getUint16(end + 10, true);
  if (count !== data.getUint16(end + 8, true)) throw new RunFileError('it is one part of several');
  if (count > known.length) throw new RunFileError(`it holds ${count} files instead of ${known.join(', ')}`);
  const entries = new Map<string, Entry>();
  let at = data.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL.length > end || data.getUint32(at, true) !== CENTRAL.signature) throw cutOff();
    const nameLength = data.getUint16(at + 28, true);
    const name = known.find((one) =>
      isName(bytes.subarray(at + CENTRAL.length, at + CENTRAL.length + nameLength), one),
    );
    if (name === undefined) throw new RunFileError(`it holds other files than ${known.join(', ')}`);
    if (entries.has(name)) throw new RunFileError(`it holds ${name} twice`);
    entries.set(name, entryAt(bytes, data, at, name));
    at += CENTRAL.length + nameLength + data.getUint16(at + 30, true) + data.getUint16(at + 32, true);
  }
  return entries;
}

/** Where the record at the end begins; behind it there is nothing but its comment. */
function endOf(data: DataView): number {
  const last = data.byteLength - END.length;
  for (let at = last; at >= Math.max(0, last - LONGEST_COMMENT); at--) {
    if (data.getUint32(at, true) === END.signature && data.getUint16(at + 20, true) === last - at) return at;
  }
  throw cutOff();
}

function entryAt(bytes: Uint8Array<ArrayBuffer>, data: DataView, central: number, name: string): Entry {
  const method = data.getUint16(central + 10, true);
  const encrypted = (data.getUint16(central + 8, true) & 1) === 1;
  if (encrypted || (method !== 0 && method !== 8))
    throw new RunFileError(`${name} is packed in a way that is not read`);
  const [packed, size] = [data.getUint32(central + 20, true), data.getUint32(central + 24, true)];
  const local = data.getUint32(central + 42, true);
  if (local + LOCAL.length > bytes.length || data.getUint32(local, true) !== LOCAL.signature) throw cutOff();
  const nameEnd = local + LOCAL.length + data.getUint16(local + 26, true);
  if (!isName(bytes.subarray(local + LOCAL.length, nameEnd), name)) throw cutOff();
  const from = nameEnd + data.getUint16(local + 28, true);
  if (from + packed > bytes.length) throw cutOff();
  return { method, crc: data.getUint32(central + 16, true), data: bytes.subarray(from, from + packed), size };
}

const isName = (bytes: Uint8Array, name: string): boolean =>
  bytes.length === name.length && bytes.every((byte, index) => byte === name.charCodeAt(index));

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  return crc;
});

/** The check sum of zip (ISO 3309). */
export function crc32(bytes: Uint8Array): number {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = (CRC_TABLE[(crc ^ (bytes[i] ?? 0)) & 255] ?? 0) ^ (crc >>> 8);
  return ~crc >>> 0;
}
