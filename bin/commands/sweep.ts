import { join, resolve } from 'node:path';
import { SCHEMES } from '../../src/schemes/index.ts';
import { BACKEND, type Command, type Given, backendOf, required, together } from '../arguments.ts';
import { EXIT, InputError, NoAdapterError, type Surroundings, counted, sentenceOf } from '../around.ts';
import { type Device, withDevice } from '../device.ts';
import { BusyError, holding } from '../lock.ts';
import { makeFolder, readJson, writeWhole } from '../files.ts';
import { type SweepMember, sweepMembers } from '../grid.ts';
import { Member, checkPlan } from '../member.ts';
import { Progress } from '../progress.ts';
import { type Unfinished, differenceBetween, endOf, readRunFolder, specIn, stopMessage } from '../run-folder.ts';
import { type Row, rowOf, tableOf, writeSummary } from '../summary.ts';
import { exitOf, linesOf } from './race.ts';
import { KEEP_EVERY, interruptedSentence, keepingOf, progressOptions } from './run.ts';

export const sweep: Command = {
  name: 'sweep',
  usage: 'sweep.json --out dir',
  summary: 'run every combination of the values that a spec lists, one after the other',
  details: `A sweep is a spec in which a list stands for values to try, wherever the key takes no list itself:

  { "version": 1, "seed": [1, 2, 3], "model": { "id": "convnet-micro" },
    "scheme": [{ "id": "dense" }, { "id": "chex", "budget": { "kind": "macs", "keep": [0.5, 0.25] } }] }

is nine runs. Keys that take a list (train.augment, scheme.stages, the layers of scheme.keep, scheme.budget of a scheme that
takes several) are tried with { "sweep": [...] }, as in "augment": { "sweep": [[], ["crop", "flip"]] }, which does so for any key.
Inside scheme.stages, the keys of a stage can be lists.

Each run gets a folder in dir, called by the values that were chosen for it, with what run writes. Called again, a sweep leaves
finished runs alone (those whose result.json is whole and of the same spec; a diverged run would diverge again), goes on with those
that were interrupted and leaves to other processes what they are running. A run that fails or diverges does not stop the others.
dir/summary.json and dir/summary.csv list all runs of the sweep.`,
  options: {
    out: { value: 'dir', help: 'where the results go; made when missing' },
    backend: BACKEND,
    only: { value: 'i', help: 'only the run with this number in --list, from 1; or several: 1,4,7' },
    part: { value: 'i/n', help: 'only a share: of every n runs the i-th' },
    list: { help: 'run nothing; print a line of JSON for each run: { "index", "directory", "spec" }' },
    write: { value: 'dir', help: 'with --list: write each spec to a file in dir, and print the paths instead' },
    ...KEEP_EVERY,
    json: { help: 'print a line of JSON a run on stdout instead of a table' },
  },
  examples: [
    ['sweep sweep.json --out results/sweep', 'runs all, or what is left of it'],
    ['sweep sweep.json --list', 'shows what would be run'],
    ['sweep sweep.json --out results/sweep --part 2/4', 'the second of four machines; see docs/many-machines.md'],
    ['sweep sweep.json --list --write specs', 'one file a run, each for the command run'],
  ],

  async run(given, around) {
    const [file, ...rest] = given.positionals;
    const listing = given.flag('list');
    together(
      () => {
        if (file === undefined)
          throw new InputError(['sweep: the file is missing, as in: sweep sweep.json --out dir.']);
      },
      () => {
        if (rest.length > 0) throw new InputError([`sweep takes one file; "${rest.join(' ')}" is too much.`]);
      },
      () => listing || required(given, 'out', 'the folder for the results'),
      () => {
        if (given.text('write') !== undefined && !listing) throw new InputError(['--write goes with --list.']);
      },
      () => backendOf(given),
      () => keepingOf(given),
      () => shareOf(given, Infinity),
    );
    const members = sweepMembers(await readJson(resolve(around.folder, file ?? ''), file ?? ''), SCHEMES);
    checkPlans(members);
    const share = shareOf(given, members.length);
    if (listing) return list(members, share, given.text('write'), around);
    return withDevice(around, backendOf(given), (device) => runAll(members, share, { device, given, around }));
  },
};

/** Throws an InputError with what schemes cannot meet, so that nothing is begun that cannot be ended. */
function checkPlans(members: readonly SweepMember[]): void {
  together(
    ...members.map(({ spec, directory }) => () => {
      try {
        checkPlan(spec);
      } catch (error) {
        throw new InputError([`${directory}: ${sentenceOf(error)}`]);
      }
    }),
  );
}

/** Indices, from 0, of the members that are asked for. Throws an InputError when there are none such. */
function shareOf(given: Given, members: number): readonly number[] {
  const [only, part] = [given.text('only'), given.text('part')];
  if (only !== undefined && part !== undefined) throw new InputError(['--only and --part exclude each other.']);
  const all = Array.from({ length: Number.isFinite(members) ? members : 0 }, (_, i) => i);
  if (only !== undefined) {
    const numbers = only.split(',').map((text) => (/^\d+$/.test(text.trim()) ? Number(text) : NaN));
    const bad = numbers.find((number) => !(number >= 1 && number <= members));
    if (bad !== undefined) {
      const most = Number.isFinite(members) ? ` to ${members}` : '';
      throw new InputError([`--only: "${only}" is not accepted; use a number from 1${most}, or several as in 1,4.`]);
    }
    return all.filter((i) => numbers.includes(i + 1));
  }
  if (part === undefined) return all;
  const [, i = NaN, n = NaN] = (/^(\d+)\/(\d+)$/.exec(part) ?? []).map(Number);
  if (!(i >= 1 && i <= n)) {
    throw new InputError([`--part: "${part}" is not accepted; use i/n with i from 1 to n, as in 2/4.`]);
  }
  return all.filter((index) => index % n === i - 1);
}

async function list(
  members: readonly SweepMember[],
  share: readonly number[],
  write: string | undefined,
  around: Surroundings,
): Promise<number> {
  const listed = members.map(({ directory, spec }, i) => ({ index: i + 1, directory, spec }));
  const wanted = listed.filter((_, i) => share.includes(i));
  if (write === undefined) {
    for (const line of wanted) around.stdout(`${JSON.stringify(line)}\n`);
    return EXIT.done;
  }
  const folder = resolve(around.folder, write);
  await makeFolder(folder, write, '--write');
  for (const { directory, spec } of wanted) {
    await writeWhole(folder, `${directory}.json`, `${JSON.stringify(spec, null, 2)}\n`);
    around.stdout(`${join(write, `${directory}.json`)}\n`);
  }
  return EXIT.done;
}

async function runAll(
  members: readonly SweepMember[],
  share: readonly number[],
  { device, given, around }: Pick<Place, 'device' | 'given' | 'around'>,
): Promise<number> {
  const shown = required(given, 'out', 'the folder for the results');
  const out = resolve(around.folder, shown);
  await makeFolder(out, shown);
  const own: Row[] = [];
  let skipped = 0;
  for (const [place, index] of share.entries()) {
    const member = members[index];
    if (!member) continue;
    const label = `${place + 1} of ${share.length}, ${member.directory}`;
    const ended = await runOne(member, { out, label, device, given, around });
    if (ended === 'interrupted') {
      await writeSummary(out, await rowsOf(members, out));
      return EXIT.interrupted;
    }
    if (ended.skipped) skipped++;
    own.push(ended.row);
    if (given.flag('json')) around.stdout(linesOf([ended.row]));
  }
  if (skipped > 0) around.stderr(`${counted(skipped, 'run')} had finished before.\n`);
  // Of the whole sweep: other processes may have run the rest.
  const failed = new Map(own.map((row) => [row.directory, row]));
  const rows = (await rowsOf(members, out)).map((row) =>
    row.state === 'not begun' || row.state === 'unfinished' ? (failed.get(row.directory) ?? row) : row,
  );
  await writeSummary(out, rows);
  if (!given.flag('json')) around.stdout(tableOf(rows));
  return exitOf(own);
}

interface Place {
  readonly out: string;
  readonly label: string;
  readonly device: Device;
  readonly given: Given;
  readonly around: Surroundings;
}

type Ended = { readonly row: Row; readonly skipped: boolean } | 'interrupted';

async function runOne(member: SweepMember, place: Place): Promise<Ended> {
  const { around } = place;
  const path = join(place.out, member.directory);
  // Of one that has ended nothing is written.
  const silent = { ...around, stderr: () => undefined };
  if ((await foundIn(path, member, silent)).row) return runHeld(member, path, place);
  try {
    await makeFolder(path, member.directory);
    return await holding([{ path, shown: member.directory }], () => runHeld(member, path, place));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    const busy = error instanceof BusyError;
    const message = busy ? `left to ${error.holder}, which is running it` : error.message;
    around.stderr(`${member.directory}: ${message}\n`);
    return { row: { ...rowOf(member, busy ? 'unfinished' : 'failed'), message }, skipped: false };
  }
}

async function runHeld(member: SweepMember, folder: string, { label, device, given, around }: Place): Promise<Ended> {
  const found = await foundIn(folder, member, around);
  if (found.row) return { row: found.row, skipped: true };
  if (around.stop.aborted) return 'interrupted';
  const progress = new Progress({ ...progressOptions(around), label });
  const run: Member = new Member(member.spec, folder, {
    ...keepingOf(given),
    unfinished: found.unfinished,
    onEvent: (event) => lane.observe(event),
    onSchemeProgress: (told) => lane.prepare(told),
  });
  const lane = progress.watch(run.length.steps, run.length.made);
  try {
    const outcome = await run.drive(device, around.stop).finally(() => progress.end());
    if (outcome.kind === 'interrupted') {
      around.stderr(interruptedSentence(outcome.step, folder).replace('--resume', 'the same command'));
      return 'interrupted';
    }
    if (outcome.kind !== 'done') around.stderr(`${member.directory}: ${outcome.message}\n`);
    return { row: rowOf(member, outcome.result), skipped: false };
  } catch (error) {
    // No other member would find an adapter either, but one may do without a feature that this one needs.
    if (error instanceof NoAdapterError && member.spec.train.storage === 'f32') throw error;
    around.stderr(`${member.directory}: ${sentenceOf(error)}\n`);
    return { row: { ...rowOf(member, 'failed'), message: sentenceOf(error) }, skipped: false };
  }
}

/** What a member's folder holds already: its row when it has ended, else what to go on with, if anything. */
async function foundIn(
  folder: string,
  member: SweepMember,
  around: Surroundings,
): Promise<{ readonly row: Row | null; readonly unfinished: Unfinished | null }> {
  const state = await readRunFolder(folder);
  const there = specIn(state);
  const difference = there && differenceBetween(there, member.spec);
  const anew = { row: null, unfinished: null };
  if (difference || state.kind === 'unusable') {
    const why = difference ? `it holds a run of another spec, which differs in ${difference}` : sentenceOfState(state);
    around.stderr(`${member.directory}: run anew, since ${why}\n`);
    return anew;
  }
  if (state.kind === 'unfinished') return { row: null, unfinished: state.unfinished };
  if (state.kind !== 'ended') return anew;
  const message = endOf(state.result) === 'done' ? undefined : stopMessage(state.result.events);
  if (message !== undefined) around.stderr(`${member.directory}: ${message}\n`);
  return { row: rowOf(member, state.result), unfinished: null };
}

const sentenceOfState = (state: { readonly kind: string; readonly why?: string }): string =>
  `it cannot be gone on with: ${state.why ?? state.kind}`;

/** What the folders of all members hold. */
function rowsOf(members: readonly SweepMember[], out: string): Promise<readonly Row[]> {
  return Promise.all(
    members.map(async (member) => {
      const state = await readRunFolder(join(out, member.directory));
      const there = specIn(state);
      if (!there || differenceBetween(there, member.spec)) return rowOf(member, 'not begun');
      if (state.kind === 'ended' || state.kind === 'failed') return rowOf(member, state.result);
      return rowOf(member, 'unfinished');
    }),
  );
}
