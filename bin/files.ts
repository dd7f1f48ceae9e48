import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from './around.ts';

/**
 * Writes a file whole or not at all, also when the machine goes down: beside its place first, out to the disk, then
 * moved there.
 */
export async function writeWhole(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}.part`);
  try {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** The text of a file; null when there is none. */
export async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** The bytes of a file; null when there is none. */
export async function bytesIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | null> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');

/** Reads a JSON file. Throws an InputError when it is missing or no JSON. */
export async function readJson(path: string, shown: string): Promise<unknown> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    throw new InputError([`${shown}: there is no such file, or it cannot be read.`]);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError([`${shown}: this is not JSON (${error instanceof Error ? error.message : String(error)}).`]);
  }
}

/** Makes a folder. Throws an InputError when that is not possible. */
export async function makeFolder(path: string, shown: string, option = '--out'): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch {
    throw new InputError([`${option}: ${shown} cannot be made or is no folder; name a folder that can be written to.`]);
  }
}
