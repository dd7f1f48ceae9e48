import { join, resolve } from 'node:path';
import { EXPORT_FORMATS, type ExportFormat } from '../../src/export/index.ts';
import { decodeCheckpoint } from '../../src/lab/checkpoint.ts';
import { modelOfCheckpoint } from '../model.ts';
import { type Command, required, together } from '../arguments.ts';
import { EXIT, InputError, sentenceOf } from '../around.ts';
import { bytesIfThere, makeFolder, writeWhole } from '../files.ts';
import { CHECKPOINT } from '../run-folder.ts';

const IDS = EXPORT_FORMATS.map(({ id }) => id);

export const exporting: Command = {
  name: 'export',
  usage: `dir --format ${IDS.join('|')} --out dir2`,
  summary: "write a run's compact network for other programs",
  details: `Takes the network from dir/checkpoint.bin (of a finished or an interrupted run), cuts out what is pruned, writes its files to
dir2 and prints code that loads them.

${EXPORT_FORMATS.map(({ id, summary }) => `  ${id.padEnd(12)} ${summary}`).join('\n')}

docs/export.md says what the files hold.`,
  options: {
    format: { value: IDS.join('|'), help: 'what to write' },
    out: { value: 'dir2', help: 'where the files go; made when missing' },
    json: { help: 'print { "files", "snippet" } as JSON on stdout instead of the code' },
  },
  examples: [
    ['export results/first --format onnx --out exported', 'for ONNX Runtime'],
    ['export results/first --format tfjs --out exported', 'for TensorFlow.js'],
  ],

  async run(given, around) {
    const [from, ...rest] = given.positionals;
    together(
      () => {
        if (from === undefined)
          throw new InputError(['export: the folder of a run is missing, as in: export dir --format onnx --out dir2.']);
      },
      () => {
        if (rest.length > 0) throw new InputError([`export takes one folder; "${rest.join(' ')}" is too much.`]);
      },
      () => formatOf(given.text('format')),
      () => required(given, 'out', 'the folder for the files'),
    );
    const folder = from ?? '';
    const shown = required(given, 'out', 'the folder for the files');
    const bytes = await bytesIfThere(join(resolve(around.folder, folder), CHECKPOINT));
    if (!bytes) throw new InputError([`${folder} holds no ${CHECKPOINT}: name the --out folder of a run.`]);
    const checkpoint = await decodeCheckpoint(bytes).catch((error: unknown) => {
      throw new InputError([`${join(folder, CHECKPOINT)}: ${sentenceOf(error)}`]);
    });
    const { files, snippet } = formatOf(given.text('format')).write(modelOfCheckpoint(checkpoint));
    const out = resolve(around.folder, shown);
    await makeFolder(out, shown);
    for (const { name, bytes: content } of files) {
      await writeWhole(out, name, content);
      around.stderr(`Written: ${join(shown, name)}\n`);
    }
    const comment = snippet.language === 'python' ? '#' : '//';
    around.stdout(
      given.flag('json')
        ? `${JSON.stringify({ files: files.map(({ name }) => join(shown, name)), snippet })}\n`
        : `${comment} ${snippet.install}\n${snippet.code}`,
    );
    return EXIT.done;
  },
};

function formatOf(id: string | undefined): ExportFormat {
  const format = EXPORT_FORMATS.find((one) => one.id === id);
  if (format) return format;
  const found = id === undefined ? 'a format is missing' : `"${id}" is not accepted`;
  throw new InputError([`--format: ${found}; use one of ${IDS.join(', ')}.`]);
}
