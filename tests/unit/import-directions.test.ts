import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Which folders of ours each folder may import (DESIGN section 2), besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'src/core': [],
  'src/data': ['src/core'],
  'src/export': ['src/core'],
  'src/persist': ['src/core'],
  'src/schemes': ['src/core'],
  'src/engine': ['src/core', 'src/data'],
  'src/lab': ['src/core', 'src/data', 'src/schemes', 'src/engine'],
  'src/worker': ['src/lab', 'src/persist', 'src/export', 'src/core', 'src/data', 'src/engine', 'src/schemes'],
  'src/lessons': ['src/core'],
  'src/state': ['src/core', 'src/persist', 'src/export', 'src/lessons', 'src/worker/messages.ts'],
  'src/ui': ['src/state', 'src/lessons', 'src/core'],
  // The composition root hands the schemes and the worker to the page.
  'src/main.tsx': ['src/schemes', 'src/state', 'src/ui', 'src/worker'],
  bin: ['src/lab', 'src/export', 'src/data', 'src/core', 'src/schemes'],
};

/** Packages that only some folders may use. */
const PACKAGES: readonly { readonly name: RegExp; readonly only: readonly string[] }[] = [
  { name: /^react(-dom)?(\/|$)/, only: ['src/ui', 'src/main.tsx'] },
  { name: /^@tensorflow\//, only: ['src/engine', 'src/export'] },
  { name: /^node:/, only: ['bin', 'src/data/file-source.ts'] },
];

interface Source {
  readonly path: string;
  readonly text: string;
}

const folderOf = (path: string): string | undefined =>
  Object.keys(MAY_IMPORT).find((folder) => path === folder || path.startsWith(`${folder}/`));

/** Every sentence about an import that points the wrong way. */
function violations({ path, text }: Source): string[] {
  const folder = folderOf(path);
  if (!folder) return [];
  const allowed = [folder, ...(MAY_IMPORT[folder] ?? [])];
  const found: string[] = [];
  for (const [, specifier = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
    if (specifier.startsWith('.')) {
      const target = relative(ROOT, resolve(ROOT, dirname(path), specifier));
      const known = folderOf(target);
      if (known && !allowed.some((place) => target === place || target.startsWith(`${place}/`))) {
        found.push(`${path} must not import ${target}`);
      }
    }
    for (const { name, only } of PACKAGES) {
      if (name.test(specifier) && !only.some((place) => path === place || path.startsWith(`${place}/`)))
        found.push(`${path} must not import ${specifier}`);
    }
  }
  if (
    /navigator\.gpu/.test(text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*|`[^`]*`/g, '')) &&
    path !== 'src/engine/webgpu/device.ts'
  ) {
    found.push(`${path} must not touch navigator.gpu`);
  }
  return found;
}

function sources(): Source[] {
  const files = ['src', 'bin'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map(
      (name) => `${folder}/${name.replaceAll('\\', '/')}`,
    ),
  );
  return files
    .filter((path) => /\.tsx?$/.test(path) && !path.includes('.test.') && !path.endsWith('/testing.ts'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));
}

test('imports point inward', () => {
  const all = sources();
  expect(all.length).toBeGreaterThan(80);
  expect(all.flatMap(violations)).toEqual([]);
});

describe('a wrong import is found', () => {
  test.each([
    ['src/core/spec/parse.ts', "import { x } from '../../engine/engine.ts';", /must not import src\/engine\/engine.ts/],
    ['src/schemes/chex/run.ts', "import type { X } from '../../lab/run.ts';", /must not import src\/lab/],
    [
      'src/state/store.ts',
      "import { connectLab } from '../worker/client.ts';",
      /must not import src\/worker\/client.ts/,
    ],
    ['src/ui/app/App.tsx', "import { SCHEMES } from '../../schemes/index.ts';", /must not import src\/schemes/],
    ['src/lab/run.ts', "const tf = await import('@tensorflow/tfjs');", /must not import @tensorflow\/tfjs/],
    ['src/state/store.ts', "import { useState } from 'react';", /must not import react/],
    ['src/data/cifar10.ts', "import { readFile } from 'node:fs/promises';", /must not import node:fs/],
    ['src/lab/run.ts', 'const gpu = navigator.gpu;', /navigator.gpu/],
  ])('%s: %s', (path, text, message) => {
    expect(violations({ path, text }).join()).toMatch(message);
  });
});
