import { join } from 'node:path';
import { dawn } from '../bin/dawn.ts';
import { fileSource } from '../src/data/file-source.ts';
import { figureOf } from './figures/index.ts';
import { firstImages } from './images.ts';
import type { Job } from './job.ts';

// One measurement in this process: the job is the argument, the rows are the last line on stdout.
const job: Job = JSON.parse(process.argv[2] ?? '');
const source = fileSource(join(process.env['ESPALIER_ROOT'] ?? '.', 'public/data'));
// Dawn's devices work only as long as its GPU object is there.
const gpu = await dawn();
const rows = await figureOf(job.bench).measure(job, { gpu, images: (count) => firstImages(source, count) });
Object.assign(globalThis, { benchGpu: gpu });
process.stdout.write(`\n${JSON.stringify(rows)}\n`, () => process.exit(0));
