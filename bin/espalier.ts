import { join } from 'node:path';
import { openCifar10 } from '../src/data/cifar10.ts';
import { fileSource } from '../src/data/file-source.ts';
import { openEngine } from '../src/lab/engines.ts';
import { dawn } from './dawn.ts';
import { main } from './main.ts';

// This file runs from a bundle inside node_modules, so its own place says nothing about the repository's.
const root = process.env['ESPALIER_ROOT'] ?? process.cwd();

const code = await main(process.argv.slice(2), {
  folder: process.env['INIT_CWD'] ?? process.cwd(),
  terminal: process.stderr.isTTY,
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  openEngine: (backend) => openEngine({ gpu: dawn, ...(backend ? { backend } : {}) }),
  openData: () => openCifar10(fileSource(join(root, 'public/data'))),
});

// Dawn keeps the event loop alive, so the process must be ended; only after everything written has left.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise<void>((resolve) => stream.write('', () => resolve()))),
);
process.exit(code);
