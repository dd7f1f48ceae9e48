/** Bytes of their own, such as a Blob takes. */
export type Bytes = Uint8Array<ArrayBuffer>;

export interface ExportedFile {
  readonly name: string;
  readonly bytes: Bytes;
}

/** Code that loads the files from the folder it runs in and classifies images. */
export interface Snippet {
  readonly language: 'javascript' | 'python';
  /** The command that installs what the code imports. */
  readonly install: string;
  readonly code: string;
}

export interface Exported {
  /** The file to load first; others lie beside it. */
  readonly files: readonly ExportedFile[];
  readonly snippet: Snippet;
}

export const textBytes = (text: string): Bytes => new TextEncoder().encode(text);

export function joinBytes(parts: readonly Bytes[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/** Float32, lowest byte first, whatever the machine's order. */
export function floatBytes(values: ArrayLike<number>): Bytes {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i] ?? 0, true);
  return new Uint8Array(view.buffer);
}

/** Signed 64-bit integers, lowest byte first. */
export function integerBytes(values: readonly number[]): Bytes {
  const view = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, i) => view.setBigInt64(8 * i, BigInt(value), true));
  return new Uint8Array(view.buffer);
}

/** Characters of a name, without the extension: few enough for any file system, also where each takes four bytes. */
const LONGEST = 50;
/** Names that Windows keeps for devices, whatever the extension. */
const DEVICES = /^(con|prn|aux|nul|com\d|lpt\d)$/i;

/**
 * What a user calls something, as the name of a file that every system takes: letters, digits, `_`, `-` and single dots of
 * any script; everything else becomes a hyphen. Never empty, hidden, above 255 bytes or a path.
 */
export function fileName(name: string, extension: string): string {
  const plain = name
    .normalize('NFKC')
    .replaceAll(/[^\p{L}\p{N}\p{M}_.]+/gu, '-')
    .replaceAll(/\.+/g, '.');
  const cut = Array.from(plain.replace(/^[-.]+/, ''))
    .slice(0, LONGEST)
    .join('')
    .replace(/[-.]+$/, '');
  const [stem = ''] = cut.split('.');
  return `${cut === '' ? 'run' : DEVICES.test(stem) ? `run-${cut}` : cut}.${extension}`;
}

/** Hands out each name once. */
export class Names {
  readonly #taken = new Set<string>();

  /** The name wanted, with underscores behind it where it is taken. */
  take(wanted: string): string {
    let name = wanted;
    while (this.#taken.has(name)) name += '_';
    this.#taken.add(name);
    return name;
  }
}
