import { join, resolve } from 'node:path';
import type { Spec } from '../../src/core/spec/spec.ts';
import { DataPool } from '../../src/lab/data-pool.ts';
import { Turns } from '../../src/lab/turns.ts';
import { BACKEND, type Command, type Given, backendOf, required, together } from '../arguments.ts';
import { EXIT, InputError, NoAdapterError, type Surroundings, sentenceOf } from '../around.ts';
import { type Device, withDevice } from '../device.ts';
import { makeFolder } from '../files.ts';
import { holding } from '../lock.ts';
import { Member, type Outcome, checkPlan } from '../member.ts';
import { Progress } from '../progress.ts';
import { type Unfinished, type WrittenResult, readRunFolder } from '../run-folder.ts';
import { type Row, rowOf, tableOf, writeSummary } from '../summary.ts';
import { folderNames, readRace } from '../specs.ts';
import { KEEP_EVERY, interruptedSentence, keepingOf, progressOptions, toResume } from './run.ts';

export const race: Command = {
  name: 'race',
  usage: 'a.json b.json ... --out dir',
  summary: 'run two to six specs side by side, on identical batches',
  details: `Each run gets a folder of its own in dir, called by its name, with what run writes; it is bit for bit what it would be alone.
The runs take turns on one device, so wall times contain each other's turns. A file may hold a list of specs. dir/summary.json and
dir/summary.csv list what came out. A run that fails or diverges does not stop the others.`,
  options: {
    out: { value: 'dir', help: 'where the results go; made when missing' },
    backend: BACKEND,
    resume: { help: 'go on from the checkpoints in --out; finished runs are left as they are' },
    ...KEEP_EVERY,
    json: { help: 'print a line of JSON a run on stdout instead of a table' },
  },
  examples: [
    ['race dense.json chex.json --out results/race', 'two specs'],
    ['race race.json --out results/race --resume', 'a list of specs in one file, gone on with'],
  ],

  async run(given, around) {
    together(
      () => {
        if (given.positionals.length === 0) {
          throw new InputError(['race: the spec files are missing, as in: race a.json b.json --out dir.']);
        }
      },
      () => required(given, 'out', 'the folder for the results'),
      () => backendOf(given),
      () => keepingOf(given),
    );
    const shown = required(given, 'out', 'the folder for the results');
    const specs = await readRace(around.folder, given.positionals);
    together(...specs.map((spec) => () => named(spec, () => checkPlan(spec))));
    const directories = folderNames(specs.map(({ name }) => name));
    const out = resolve(around.folder, shown);
    const folders = directories.map((directory) => ({ path: join(out, directory), shown: join(shown, directory) }));
    for (const folder of folders) await makeFolder(folder.path, folder.shown);
    return holding(folders, () => raceIn(out, specs, directories, { given, shown, around }));
  },
};

/** What the user gave, and the name of the folder of all. */
interface Place {
  readonly given: Given;
  readonly shown: string;
  readonly around: Surroundings;
}

async function raceIn(
  out: string,
  specs: readonly Spec[],
  directories: readonly string[],
  { given, shown, around }: Place,
): Promise<number> {
  const entries: Entry[] = [];
  for (const [i, spec] of specs.entries()) {
    const directory = directories[i] ?? '';
    const folder = join(out, directory);
    const place = join(shown, directory);
    const found = given.flag('resume')
      ? toResume(await readRunFolder(folder), spec, place, around)
      : { unfinished: null, ended: null };
    entries.push({ spec, directory, folder, ...found });
  }
  const progress = new Progress(progressOptions(around));
  const resumed = entries.find(({ unfinished }) => unfinished)?.unfinished?.checkpoint.adapter.backend;
  const shared = { turns: new Turns(), pool: new DataPool() };
  const drive = async (entry: Entry, device: Device): Promise<Ending> => {
    const { spec, folder, unfinished, ended } = entry;
    if (ended) return { entry, outcome: { kind: 'done', result: ended } };
    const member: Member = new Member(spec, folder, {
      ...keepingOf(given),
      unfinished,
      onEvent: (event) => lane.observe(event),
      onSchemeProgress: (told) => lane.prepare(told),
    });
    const lane = progress.watch(member.length.steps, member.length.made);
    try {
      return { entry, outcome: await member.drive(device, around.stop, shared) };
    } catch (error) {
      return { entry, error };
    }
  };
  const endings = await withDevice(around, backendOf(given) ?? resumed, (device) =>
    Promise.all(entries.map((entry) => drive(entry, device))),
  );
  progress.end();
  return tell(endings, { shown, out, json: given.flag('json'), around });
}

interface Entry {
  readonly spec: Spec;
  readonly directory: string;
  readonly folder: string;
  readonly unfinished: Unfinished | null;
  readonly ended: WrittenResult | null;
}

/** How a run ended, or what kept it from being opened. */
type Ending = { readonly entry: Entry } & ({ readonly outcome: Outcome } | { readonly error: unknown });

function named(spec: Spec, check: () => void): void {
  try {
    check();
  } catch (error) {
    throw new InputError([`${spec.name}: ${sentenceOf(error)}`]);
  }
}

async function tell(
  endings: readonly Ending[],
  { shown, out, json, around }: { shown: string; out: string; json: boolean; around: Surroundings },
): Promise<number> {
  const rows = endings.map(rowOfEnding);
  await writeSummary(out, rows);
  let interrupted = false;
  for (const ending of endings) {
    const { name } = ending.entry.spec;
    if ('error' in ending) around.stderr(`${name}: ${sentenceOf(ending.error)}\n`);
    else if (ending.outcome.kind === 'interrupted') {
      interrupted = true;
      around.stderr(`${name}: ${interruptedSentence(ending.outcome.step, join(shown, ending.entry.directory))}`);
    } else if (ending.outcome.kind !== 'done') around.stderr(`${name}: ${ending.outcome.message}\n`);
  }
  if (interrupted) return EXIT.interrupted;
  around.stdout(json ? linesOf(rows) : tableOf(rows));
  if (endings.some((ending) => 'error' in ending && ending.error instanceof NoAdapterError)) return EXIT.noAdapter;
  return exitOf(rows);
}

export const linesOf = (rows: readonly Row[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

/** Of several runs: diverged ones are told apart from others that failed. */
export function exitOf(rows: readonly Row[]): number {
  if (rows.some(({ state }) => state === 'failed')) return EXIT.failed;
  return rows.some(({ state }) => state === 'diverged') ? EXIT.diverged : EXIT.done;
}

function rowOfEnding(ending: Ending): Row {
  const { entry } = ending;
  if ('error' in ending) return { ...rowOf(entry, 'failed'), message: sentenceOf(ending.error) };
  if (ending.outcome.kind === 'interrupted') return rowOf(entry, 'unfinished');
  return rowOf(entry, ending.outcome.result);
}
