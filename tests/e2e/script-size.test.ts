import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';

const DIST = join(import.meta.dirname, '../../dist');
const MOST_BYTES = 350_000;

const STATIC_IMPORT = /(?:import|export)\s*(?:[\w*{}\s,$]+?\s*from\s*)?["'](\.\/[^"']+\.js)["']/g;

/** A script and all that it imports before it runs. */
function closure(file: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(join(DIST, 'assets', file), 'utf8');
  for (const [, name = ''] of text.matchAll(STATIC_IMPORT)) closure(name.slice(2), found);
  return found;
}

test('the page loads at most 350 kB of compressed script before it starts its worker, and names all of it up front', () => {
  const html = readFileSync(join(DIST, 'index.html'), 'utf8');
  const entry = /<script type="module"[^>]*src="\.\/assets\/([^"]+)"/.exec(html)?.[1] ?? '';
  const preloaded = [...html.matchAll(/<link rel="modulepreload"[^>]*href="\.\/assets\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  );
  const scripts = closure(entry);
  expect([...scripts].sort()).toEqual([entry, ...preloaded].sort());
  const sizes = [...scripts].map((name) => gzipSync(readFileSync(join(DIST, 'assets', name)), { level: 9 }).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
  // The libraries that must be among them: else the search above finds nothing.
  expect([...scripts].some((name) => name.startsWith('react'))).toBe(true);
});
