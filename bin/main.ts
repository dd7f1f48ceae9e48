import { nearest } from '../src/core/spec/nearest.ts';
import { type Command, readGiven, wantsHelp } from './arguments.ts';
import { EXIT, InputError, NoAdapterError, type Surroundings, sentenceOf } from './around.ts';
import { bench } from './commands/bench.ts';
import { check } from './commands/check.ts';
import { exporting } from './commands/export.ts';
import { race } from './commands/race.ts';
import { report } from './commands/report.ts';
import { run } from './commands/run.ts';
import { sweep } from './commands/sweep.ts';
import { helpOf, overview } from './help.ts';

export const COMMANDS: readonly Command[] = [run, race, sweep, exporting, report, check, bench];

/** Runs the command line; resolves with the exit code. Every failure is a sentence on stderr. */
export async function main(argv: readonly string[], around: Surroundings): Promise<number> {
  try {
    const [name, ...args] = argv;
    if (name === undefined) throw new InputError([`A command is missing: use ${listed()}, or --help.`]);
    if (name === 'help' || wantsHelp([name])) {
      const about = args[0] === undefined ? undefined : commandOf(args[0]);
      around.stdout(about ? helpOf(about) : overview(COMMANDS));
      return EXIT.done;
    }
    const command = commandOf(name);
    if (wantsHelp(args)) {
      around.stdout(helpOf(command));
      return EXIT.done;
    }
    return await command.run(readGiven(command, args), around);
  } catch (error) {
    if (error instanceof InputError) {
      for (const problem of error.problems) around.stderr(`${problem}\n`);
      return EXIT.badInput;
    }
    around.stderr(`${sentenceOf(error)}\n`);
    return error instanceof NoAdapterError ? EXIT.noAdapter : EXIT.failed;
  }
}

function commandOf(name: string): Command {
  const command = COMMANDS.find((one) => one.name === name);
  if (command) return command;
  const close = nearest(
    name,
    COMMANDS.map((one) => one.name),
  );
  throw new InputError([
    `"${name}" is no command${close ? `; did you mean ${close}?` : ':'} Use ${listed()}, or --help.`,
  ]);
}

const listed = (): string => COMMANDS.map(({ name }) => name).join(', ');
