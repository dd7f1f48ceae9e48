import { basename, dirname, resolve } from 'node:path';
import { type Command, required, together } from '../arguments.ts';
import { EXIT, InputError, counted } from '../around.ts';
import { makeFolder, writeWhole } from '../files.ts';
import { collect } from '../report/collect.ts';
import { reportPage } from '../report/page.ts';

export const report: Command = {
  name: 'report',
  usage: 'dir... --out report.html',
  summary: 'join results into one HTML file with tables and charts',
  details: `Takes every result.json in the folders and below them, from this machine or others, and writes one file that needs no server,
no script and no network: accuracy against MACs, parameters and latency, accuracy over steps, every run, every spec. Runs whose
specs differ by name and seed alone are one point with its spread (mean, least and most); adapters are kept apart.`,
  options: {
    out: { value: 'file', help: 'the HTML file to write' },
    title: { value: 'text', help: 'heading of the page; default: Espalier results' },
  },
  examples: [
    ['report results/sweep --out report.html', 'a sweep'],
    ['report machine-1/results machine-2/results --out both.html', 'what several machines made of it'],
  ],

  async run(given, around) {
    together(
      () => {
        if (given.positionals.length === 0) {
          throw new InputError(['report: the folders are missing, as in: report results --out report.html.']);
        }
      },
      () => {
        if (!given.text('out')) throw new InputError(['--out: the HTML file is missing, as in: --out report.html.']);
      },
    );
    const { found, damaged } = await collect(around.folder, given.positionals);
    for (const sentence of damaged) around.stderr(`${sentence}\n`);
    if (found.length === 0) throw new InputError(['None of the results can be read.']);
    const shown = required(given, 'out', 'the HTML file');
    const file = resolve(around.folder, shown);
    await makeFolder(dirname(file), dirname(shown));
    await writeWhole(dirname(file), basename(file), reportPage(found, given.text('title') ?? 'Espalier results'));
    around.stdout(`${shown}: ${counted(found.length, 'run')}\n`);
    return EXIT.done;
  },
};
