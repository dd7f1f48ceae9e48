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
  'public/recordings',
  'public/data/manifest.json',
];

/** Builds the page into dist/, unless it was built from the same sources. */
export async function buildPage() {
  const hash = hashOf(SOURCES);
  if (upToDate(MARKER, hash)) return;
  say('Building the page ...');
  const { build } = await import('vite');
  // Vite builds React for development where a test runner has set another mode.
  const mode = process.env['NODE_ENV'];
  process.env['NODE_ENV'] = 'production';
  await build({ root: ROOT, logLevel: 'warn' });
  if (mode === undefined) delete process.env['NODE_ENV'];
  else process.env['NODE_ENV'] = mode;
  writeFileSync(MARKER, hash);
}
