import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ByteSource } from './cifar10.ts';

/** Files of a folder, for the command line and for tests. */
export function fileSource(folder: string): ByteSource {
  return {
    async read(file) {
      try {
        return new Uint8Array(await readFile(join(folder, file)));
      } catch (error) {
        throw new Error(`The data file ${file} is missing. Run npm start or npm test once: they prepare the data.`, {
          cause: error,
        });
      }
    },
  };
}
