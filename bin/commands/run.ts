import { join, resolve } from 'node:path';
import { BACKEND, type Command, type Given, backendOf, numberOf, required, together } from '../arguments.ts';
import { EXIT, InputError, type Surroundings } from '../around.ts';
import { withDevice } from '../device.ts';
import { makeFolder } from '../files.ts';
import { holding } from '../lock.ts';
import { Member, type MemberOptions, type Outcome, SECONDS_BETWEEN_CHECKPOINTS, checkPlan } from '../member.ts';
import { Progress, duration, percent } from '../progress.ts';
import {
  CHECKPOINT,
  type FolderState,
  RESULT,
  type Unfinished,
  type WrittenResult,
  differenceBetween,
  endOf,
  readRunFolder,
  specIn,
  stopMessage,
} from '../run-folder.ts';
import { readSpec } from '../specs.ts';
import type { Spec } from '../../src/core/spec/spec.ts';

export const KEEP_EVERY = {
  'checkpoint-every': {
    value: 'seconds',
    help: `seconds between two checkpoints on disk; default ${SECONDS_BETWEEN_CHECKPOINTS}`,
  },
  record: { help: 'also write recording.json: all the run told, for the page to play back' },
} as const;

export const run: Command = {
  name: 'run',
  usage: 'spec.json --out dir',
  summary: 'train and prune one network as a spec says',
  details: `Writes dir/result.json and dir/checkpoint.bin. While it runs, dir/checkpoint.bin and dir/events.jsonl hold what it takes to
go on: Ctrl-C (or SIGTERM) writes them after the step under way and exits with 130, and so does every minute or so, in case the
process or the machine dies. With --resume the run goes on from there, bit for bit as if it had never stopped (on the same
adapter). The spec is JSON; the README lists its keys.`,
  options: {
    out: { value: 'dir', help: 'where the result goes; made when missing' },
    backend: BACKEND,
    resume: {
      help: 'go on from the checkpoint in --out, which must be of the same spec; a finished run is left as it is',
    },
    ...KEEP_EVERY,
    json: { help: `print the result's "final" block on stdout instead of a summary` },
  },
  examples: [
    ['run spec.json --out results/first', 'runs a spec'],
    ['run spec.json --out results/first --resume', 'goes on after Ctrl-C, or begins where there is nothing yet'],
    ['run spec.json --out results/first --backend tfjs --json', 'without a GPU, for a program to read'],
  ],

  async run(given, around) {
    const [specFile, ...rest] = given.positionals;
    together(
      () => {
        if (specFile === undefined)
          throw new InputError(['run: the spec file is missing, as in: run spec.json --out dir.']);
      },
      () => {
        if (rest.length > 0) throw new InputError([`run takes one spec file; "${rest.join(' ')}" is too much.`]);
      },
      () => required(given, 'out', 'the folder for the result'),
      () => backendOf(given),
      () => keepingOf(given),
    );
    const shown = required(given, 'out', 'the folder for the result');
    const out = resolve(around.folder, shown);
    const spec = await readSpec(around.folder, specFile ?? '');
    checkPlan(spec);
    await makeFolder(out, shown);
    return holding([{ path: out, shown }], () => runIn(out, spec, { given, shown, around }));
  },
};

/** What the user gave, and the name of the folder. */
interface Place {
  readonly given: Given;
  readonly shown: string;
  readonly around: Surroundings;
}

async function runIn(out: string, spec: Spec, place: Place): Promise<number> {
  const { given, shown, around } = place;
  const state = await readRunFolder(out);
  const { unfinished, ended } = given.flag('resume') ? toResume(state, spec, shown, around) : FROM_THE_START;
  if (ended) {
    around.stderr(`${shown} holds the result of this spec already: nothing is left to do.\n`);
    return tell({ kind: 'done', result: ended }, place);
  }
  if (!given.flag('resume') && state.kind === 'unfinished') {
    around.stderr(`${shown} holds an unfinished run, which is begun anew; --resume would go on with it.\n`);
  }
  const progress = new Progress(progressOptions(around));
  const member: Member = new Member(spec, out, {
    ...keepingOf(given),
    unfinished,
    onEvent: (event) => lane.observe(event),
    onSchemeProgress: (told) => lane.prepare(told),
  });
  const lane = progress.watch(member.length.steps, member.length.made);
  // The same bits as before come from the same engine.
  const backend = backendOf(given) ?? unfinished?.checkpoint.adapter.backend;
  const outcome = await withDevice(around, backend, (device) =>
    member.drive(device, around.stop).finally(() => progress.end()),
  );
  return tell(outcome, place);
}

export const progressOptions = (around: Surroundings): ConstructorParameters<typeof Progress>[0] => ({
  write: (text) => around.stderr(text),
  terminal: around.terminal,
  now: () => performance.now(),
});

/** What the options say about checkpoints and recordings. */
export const keepingOf = (given: Given): Pick<MemberOptions, 'keepEvery' | 'record'> => ({
  keepEvery: numberOf(given, 'checkpoint-every', 0, SECONDS_BETWEEN_CHECKPOINTS),
  record: given.flag('record'),
});

interface ToResume {
  readonly unfinished: Unfinished | null;
  readonly ended: WrittenResult | null;
}

const FROM_THE_START: ToResume = { unfinished: null, ended: null };

/** What to go on with in a folder. Throws an InputError when what it holds is of another spec, or cannot be gone on with. */
export function toResume(state: FolderState, spec: Spec, shown: string, around: Surroundings): ToResume {
  if (state.kind === 'unusable') {
    throw new InputError([
      `--resume: the run in ${shown} cannot be gone on with. ${state.why} Run it anew without --resume.`,
    ]);
  }
  const there = specIn(state);
  const difference = there && differenceBetween(there, spec);
  if (difference) {
    throw new InputError([`--resume: ${shown} holds a run of another spec, which differs in ${difference}.`]);
  }
  if (state.kind === 'ended') return { unfinished: null, ended: state.result };
  if (state.kind === 'unfinished') return { unfinished: state.unfinished, ended: null };
  around.stderr(`${shown} holds no checkpoint yet: the run begins.\n`);
  return FROM_THE_START;
}

/** Says how a run ended; the exit code. */
function tell(outcome: Outcome, { given, shown, around }: Place): number {
  if (outcome.kind === 'interrupted') {
    around.stderr(interruptedSentence(outcome.step, shown));
    return EXIT.interrupted;
  }
  const { result } = outcome;
  // A run that had diverged before diverges again.
  const stopped = endOf(result) === 'done' ? undefined : stopMessage(result.events);
  if (stopped !== undefined) {
    around.stderr(`${stopped}\n`);
    return endOf(result) === 'diverged' ? EXIT.diverged : EXIT.failed;
  }
  around.stdout(given.flag('json') ? `${JSON.stringify(result.final)}\n` : summary(result, shown));
  return EXIT.done;
}

export const interruptedSentence = (step: number | null, shown: string): string =>
  step === null
    ? 'Interrupted before anything was trained.\n'
    : `Interrupted after step ${step}: ${shown} holds the checkpoint, and --resume goes on from it.\n`;

function summary({ spec, final, adapter, wallSeconds = 0 }: WrittenResult, out: string): string {
  const share = (kept: number, dense: number): string =>
    `${kept.toLocaleString('en')} (${percent(kept / dense)} of the dense network's)`;
  const accuracy = final.testAccuracy === undefined ? 'not evaluated' : `test accuracy ${percent(final.testAccuracy)}`;
  return [
    `${spec.name}: ${accuracy} after ${duration(1_000 * wallSeconds)} on ${adapter.description}`,
    `MACs ${share(final.macs, final.dense.macs)}, parameters ${share(final.parameters, final.dense.parameters)}`,
    `channels ${Object.entries(final.widths)
      .map(([layer, width]) => `${layer} ${width}`)
      .join(', ')}`,
    `Written: ${join(out, RESULT)}, ${join(out, CHECKPOINT)}\n`,
  ].join('\n');
}
