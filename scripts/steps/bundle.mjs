import { existsSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';
import { hashOf } from './sources.mjs';

/** Inside node_modules, so that bundles find packages. */
const CACHE = join(ROOT, 'node_modules/.cache/espalier');

/**
 * Bundles a TypeScript entry for Node (which runs no TypeScript at version 20) with Vite, once for each state of its
 * sources. Returns the bundle's path. Commands may run side by side: a bundle is made aside and moved in place whole.
 */
export async function bundle(entry, name) {
  const folder = join(CACHE, `${name}-${hashOf(['src', 'bin', 'package-lock.json']).slice(0, 16)}`);
  const file = join(folder, 'main.mjs');
  if (existsSync(file)) return file;
  const { build } = await import('vite');
  const aside = `${folder}.${process.pid}`;
  await build({
    root: ROOT,
    configFile: false,
    logLevel: 'error',
    publicDir: false,
    build: {
      ssr: join(ROOT, entry),
      outDir: aside,
      target: 'node20',
      rolldownOptions: { output: { entryFileNames: 'main.mjs' } },
    },
  });
  try {
    renameSync(aside, folder);
  } catch (error) {
    // Another command was faster.
    if (!existsSync(file)) throw error;
    rmSync(aside, { recursive: true });
  }
  removeOld();
  return file;
}

/** Removes bundles older than a day: younger ones may still be running, and load their chunks as they go. */
function removeOld() {
  for (const folder of readdirSync(CACHE).map((name) => join(CACHE, name))) {
    if (Date.now() - statSync(folder).mtimeMs > 86_400_000) rmSync(folder, { recursive: true, force: true });
  }
}
