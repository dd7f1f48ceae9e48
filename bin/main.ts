import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { RunEvent } from '../src/core/events/events.ts';
import { encodeRecording } from '../src/core/events/recording.ts';
import { type RunResult, resultOf } from '../src/core/events/history.ts';
import { parseSpec } from '../src/core/spec/parse.ts';
import type { Spec } from '../src/core/spec/spec.ts';
import type { Cifar10 } from '../src/data/cifar10.ts';
import { encodeCheckpoint } from '../src/lab/checkpoint.ts';
import type { OpenedEngine } from '../src/lab/engines.ts';
import { Run, type RunListener } from '../src/lab/run.ts';
import { SCHEMES } from '../src/schemes/index.ts';
import { HELP, InputError, type RunArguments, readArguments } from './arguments.ts';
import { makeFolder, readJson, writeWhole } from './files.ts';
import { Progress, duration, percent } from './progress.ts';

export const EXIT = { done: 0, failed: 1, badInput: 2, noAdapter: 3, diverged: 4 } as const;

/** What the command finds around it. */
export interface Surroundings {
  /** Folder that paths are relative to. */
  readonly folder: string;
  /** Whether stderr is a terminal. */
  readonly terminal: boolean;
  stdout(text: string): void;
  stderr(text: string): void;
  openEngine(backend?: 'webgpu' | 'tfjs'): Promise<OpenedEngine>;
  openData(): Promise<Cifar10>;
}

/** Runs the command line; resolves with the exit code. Every failure is a sentence on stderr. */
export async function main(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    const args = readArguments(argv);
    if (args.command === 'run') return await runSpec(args, around);
    around.stdout(HELP);
    return EXIT.done;
  } catch (error) {
    if (error instanceof InputError) {
      for (const problem of error.problems) around.stderr(`${problem}\n`);
      return EXIT.badInput;
    }
    around.stderr(`${sentenceOf(error)}\n`);
    return EXIT.failed;
  }
}

async function runSpec(args: RunArguments, around: Surroundings): Promise<number> {
  const spec = await readSpec(resolve(around.folder, args.specFile), args.specFile);
  const out = resolve(around.folder, args.out);
  const events: RunEvent[] = [];
  const write = (text: string): void => around.stderr(text);
  const progress = new Progress({ write, terminal: around.terminal, now: () => performance.now() });
  const run = planned(spec, {
    onEvent: (event) => {
      events.push(event);
      progress.observe(event);
    },
    onSchemeProgress: (told) => progress.prepare(told),
  });
  await makeFolder(out, args.out);

  let opened: OpenedEngine;
  try {
    opened = await around.openEngine(args.backend);
  } catch (error) {
    around.stderr(`${sentenceOf(error)}\n`);
    return args.backend === 'webgpu' ? EXIT.noAdapter : EXIT.failed;
  }
  const { engine, reason } = opened;
  const began = performance.now();
  const reopen = async (failed: OpenedEngine['engine']): Promise<OpenedEngine['engine']> => {
    failed.dispose();
    return (await around.openEngine(failed.info.backend)).engine;
  };
  await run.open(engine, await around.openData(), { reopen, ...(reason === undefined ? {} : { note: reason }) });
  await run.run();
  progress.end();

  const result = resultOf(events);
  await writeWhole(out, 'result.json', `${JSON.stringify(result, null, 2)}\n`);
  if (args.record) await writeWhole(out, 'recording.json', `${encodeRecording(events)}\n`);
  const stop = events.find((event) => event.kind === 'diverged' || event.kind === 'error');
  if (stop && 'message' in stop) {
    // A checkpoint of an earlier run does not belong to this result, and a diverged state is nothing to go on from.
    await rm(join(out, 'checkpoint.bin'), { force: true });
    around.stderr(`${stop.message}\n`);
    return stop.kind === 'diverged' ? EXIT.diverged : EXIT.failed;
  }
  await writeWhole(out, 'checkpoint.bin', await encodeCheckpoint(await run.checkpoint()));
  around.stdout(args.json ? `${JSON.stringify(result.final)}\n` : summary(result, args.out, performance.now() - began));
  return EXIT.done;
}

async function readSpec(path: string, shown: string): Promise<Spec> {
  const parsed = parseSpec(await readJson(path, shown), SCHEMES);
  if (!parsed.ok) throw new InputError(parsed.problems.map(({ message }) => message));
  return parsed.spec;
}

/** The run, before any engine is opened: what its scheme refuses is bad input. */
function planned(spec: Spec, listener: RunListener): Run {
  try {
    return new Run(spec, listener);
  } catch (error) {
    throw new InputError([sentenceOf(error)]);
  }
}

function summary({ spec, final, adapter }: RunResult, out: string, milliseconds: number): string {
  const share = (kept: number, dense: number): string =>
    `${kept.toLocaleString('en')} (${percent(kept / dense)} of the dense network's)`;
  const accuracy = final.testAccuracy === undefined ? 'not evaluated' : `test accuracy ${percent(final.testAccuracy)}`;
  return [
    `${spec.name}: ${accuracy} after ${duration(milliseconds)} on ${adapter.description}`,
    `MACs ${share(final.macs, final.dense.macs)}, parameters ${share(final.parameters, final.dense.parameters)}`,
    `channels ${Object.entries(final.widths)
      .map(([layer, width]) => `${layer} ${width}`)
      .join(', ')}`,
    `Written: ${join(out, 'result.json')}, ${join(out, 'checkpoint.bin')}\n`,
  ].join('\n');
}

const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
