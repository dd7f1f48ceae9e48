import { type Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { InputError } from '../around.ts';
import { readIfThere } from '../files.ts';
import { RESULT, type WrittenResult, readResult } from '../run-folder.ts';

/** A run with a result, and where it was found. */
export interface Found {
  readonly directory: string;
  readonly result: WrittenResult;
}

/** Levels below a folder that are searched: of a sweep, its runs; of several sweeps, theirs. */
const LEVELS = 3;

/**
 * The results in these folders and in those below them, each once. Throws an InputError for a folder that holds none;
 * results that cannot be read are named in `damaged`.
 */
export async function collect(
  from: string,
  folders: readonly string[],
): Promise<{ readonly found: readonly Found[]; readonly damaged: readonly string[] }> {
  const found = new Map<string, Found>();
  const damaged: string[] = [];
  const problems: string[] = [];
  for (const folder of folders) {
    const directories = await withResults(resolve(from, folder), folder, LEVELS);
    if (directories === null) problems.push(`${folder}: there is no such folder.`);
    else if (directories.length === 0) problems.push(`${folder}: there is no ${RESULT} in this folder or below it.`);
    for (const { path, shown } of directories ?? []) {
      const result = readResult((await readIfThere(join(path, RESULT))) ?? '');
      if (result) found.set(path, { directory: shown, result });
      else damaged.push(`${join(shown, RESULT)} is damaged or no result; it is left out.`);
    }
  }
  if (problems.length > 0) throw new InputError(problems);
  return { found: [...found.values()], damaged };
}

interface Place {
  readonly path: string;
  readonly shown: string;
}

/** Folders that hold a result; null when there is no such folder. */
async function withResults(path: string, shown: string, levels: number): Promise<readonly Place[] | null> {
  let entries: readonly Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch {
    return null;
  }
  const own = entries.some((entry) => entry.name === RESULT) ? [{ path, shown }] : [];
  const below = levels === 0 ? [] : entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'));
  const places: Place[] = [...own];
  for (const { name } of below.toSorted((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))) {
    places.push(...((await withResults(join(path, name), join(shown, name), levels - 1)) ?? []));
  }
  return places;
}
