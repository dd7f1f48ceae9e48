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

/** A network's id as the name of a file, without what some file systems refuse. */
export const fileName = (id: string, extension: string): string =>
  `${id.replaceAll(/[^\w-]+/g, '-') || 'network'}.${extension}`;

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
