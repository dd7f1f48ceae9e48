import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from './arguments.ts';

/** Writes a file whole or not at all: beside its place first, then moved there. */
export async function writeWhole(folder: string, name: string, content: string | Uint8Array): Promise<void> {
  const temporary = join(folder, `.${name}.${process.pid}.part`);
  try {
    await writeFile(temporary, content);
    await rename(temporary, join(folder, name));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

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
export async function makeFolder(path: string, shown: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch {
    throw new InputError([`--out: ${shown} cannot be made or is no folder; name a folder that can be written to.`]);
  }
}
