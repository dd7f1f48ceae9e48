// npm run results -- plain5: sets everything up, runs the specs in docs/results/specs/plain5 (those that have not run yet),
// compares the engine with stock TensorFlow.js and writes docs/results/plain5.md, .json and .svg. Stop and go on at any time.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from './steps/bundle.mjs';
import { ROOT, install } from './steps/install.mjs';
import { prepareData } from './steps/data.mjs';
import { say } from './steps/say.mjs';

const SPECS = join(ROOT, 'docs/results/specs');
const known = readdirSync(SPECS);
const [id = 'plain5'] = process.argv.slice(2);
if (!known.includes(id)) {
  say(`"${id}" is none of the results; use ${known.join(' or ')}.`);
  process.exit(2);
}
install();
await prepareData();

const out = join(ROOT, 'results', id);
const runs = join(out, 'runs');
mkdirSync(runs, { recursive: true });
const files = readdirSync(join(SPECS, id)).filter((name) => name.endsWith('.json') && name !== 'check.json');
for (const [i, file] of files.entries()) {
  say(`\n== ${file} (${i + 1} of ${files.length})`);
  espalier('sweep', join(SPECS, id, file), '--out', join(runs, file.replace(/\.json$/, '')));
}
const check = join(out, 'check.json');
if (!existsSync(check)) {
  say('\n== Comparison with stock TensorFlow.js');
  writeFileSync(check, espalier('check', join(SPECS, id, 'check.json'), '--json'));
}
const { status } = spawnSync(
  process.execPath,
  [await bundle('bin/results/main.ts', 'results'), id, runs, check, join(ROOT, 'docs/results')],
  {
    stdio: 'inherit',
  },
);
if (status === 0) say(`\nWritten: docs/results/${id}.md`);
process.exit(status ?? 1);

/** Runs a command of the command line and gives what it prints as JSON; ends with its exit code when it fails. */
function espalier(...args) {
  const quiet = args.includes('--json');
  const ended = spawnSync(process.execPath, [join(ROOT, 'scripts/espalier.mjs'), ...args], {
    stdio: ['inherit', quiet ? 'pipe' : 'inherit', 'inherit'],
    encoding: 'utf8',
  });
  // A check that finds a disagreement fails, and has told it.
  if (ended.status !== 0 && !(quiet && ended.stdout.startsWith('{'))) process.exit(ended.status ?? 1);
  return ended.stdout;
}
