import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError } from '../around.ts';
import type { Checked } from '../commands/check.ts';
import { collect } from '../report/collect.ts';
import { resultsOf } from './data.ts';
import { figure } from './figure.ts';
import { resultsPage } from './page.ts';

/** Called by scripts/results.mjs: the id of the results, the folder of their runs, the file of their check, and where they go. */
const [id = '', runs = '', check = '', out = ''] = process.argv.slice(2);
try {
  const { found, damaged } = await collect('/', [runs]);
  if (damaged.length > 0) throw new InputError(damaged);
  const results = resultsOf(id, found, JSON.parse(await readFile(check, 'utf8')) as Checked);
  await writeFile(join(out, `${id}.json`), `${JSON.stringify(results, null, 1)}\n`);
  await writeFile(join(out, `${id}.svg`), figure(results.methods));
  await writeFile(join(out, `${id}.md`), resultsPage(results));
} catch (error) {
  if (!(error instanceof InputError)) throw error;
  process.stderr.write(`${error.problems.join('\n')}\n`);
  process.exitCode = 1;
}
