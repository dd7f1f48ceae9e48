import { join } from 'node:path';
import { openCifar10 } from '../src/data/cifar10.ts';
import { fileSource } from '../src/data/file-source.ts';
import { openEngine } from '../src/lab/engines.ts';
import { EXIT } from './around.ts';
import { dawn } from './dawn.ts';
import { main } from './main.ts';

// This file runs from a bundle inside node_modules, so its own place says nothing about the repository's.
const root = process.env['ESPALIER_ROOT'] ?? process.cwd();

/** A terminal's Ctrl-C reaches this process more than once: itself, and through npm and the script that started it. */
const ONE_SIGNAL_MILLISECONDS = 1_000;

const stop = new AbortController();
let asked = 0;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (!stop.signal.aborted) {
      asked = performance.now();
      process.stderr.write('\nStopping after the step under way; once more stops at once.\n');
      stop.abort();
    } else if (performance.now() - asked > ONE_SIGNAL_MILLISECONDS) process.exit(EXIT.interrupted);
  });
}
// Whoever reads the output may leave early, as head does.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed),
);

const code = await main(process.argv.slice(2), {
  folder: process.env['INIT_CWD'] ?? process.cwd(),
  terminal: process.stderr.isTTY,
  stop: stop.signal,
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
