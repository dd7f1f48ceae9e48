import type { Command } from './arguments.ts';

const CALL = 'npm run --silent espalier --';

/** Where everything is said that holds for all commands. */
export const overview = (
  commands: readonly Command[],
): string => `Trains networks on CIFAR-10 and prunes them as specs say: the lab of the page, without one.

${table(commands.map(({ name, usage, summary }) => [`${name} ${usage}`, summary]))}
  ${'help command'.padEnd(WIDTH)}  what it takes, with examples (as command --help)

Call them as in: ${CALL} run spec.json --out results/first
Paths are relative to the folder the command is called from. Results go to stdout, everything else to stderr.

Exit codes: 0 done, 1 failed, 2 bad input (one line a problem on stderr), 3 no adapter for what was asked for, 4 training
diverged (the result is written all the same), 130 interrupted.
`;

/** The whole of one command. */
export function helpOf({ name, usage, summary, details, options, examples }: Command): string {
  const lines = Object.entries(options).map(
    ([key, { value, help }]) => [`--${key}${value ? ` ${value}` : ''}`, help] as const,
  );
  return `${name}: ${summary}

  ${CALL} ${name} ${usage}${lines.length > 0 ? ' [options]' : ''}

${details}

${table([...lines, ['--help', 'print this']])}

Examples:
${examples.map(([args, what]) => `\n  # ${what}\n  ${CALL} ${args}`).join('\n')}
`;
}

const WIDTH = 54;

function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.min(WIDTH, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
}
