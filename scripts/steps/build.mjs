import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './install.mjs';
import { say } from './say.mjs';
import { hashOf, upToDate } from './sources.mjs';

const MARKER = join(ROOT, 'dist/.built-from');
const SOURCES = [
  'src',
  'index.html',
  'vite.config.ts',
  'package-lock.json',
  'public/icons',
  'public/data/manifest.json',
];

/** Builds the page into dist/, unless it was built from the same sources. */
export async function buildPage() {
  const hash = hashOf(SOURCES);
  if (upToDate(MARKER, hash)) return;
  say('Building the page ...');
  const { build } = await import('vite');
  await build({ root: ROOT, logLevel: 'warn' });
  writeFileSync(MARKER, hash);
}
