import { parseArgs } from 'node:util';

export const HELP = `Trains a network and prunes it as a spec says, as the page does, without one.

  npm run --silent espalier -- run spec.json --out dir [--backend webgpu|tfjs] [--record] [--json]

  run spec.json     the spec to run (JSON; the README lists its keys)
  --out dir         where result.json and checkpoint.bin go; made when missing
  --backend name    webgpu: our kernels on WebGPU (npm package webgpu, Dawn); tfjs: TensorFlow.js on the processor;
                    default: webgpu where there is an adapter, else tfjs
  --record          also write recording.json: all the run told, for the page to play back
  --json            print the result's "final" block on stdout instead of a summary
  --help            print this

Paths are relative to the folder the command is called from. Progress goes to stderr.

Exit codes: 0 done, 1 failed, 2 bad input (one line a problem on stderr), 3 no WebGPU adapter though --backend webgpu
was asked for, 4 training diverged (the result is written all the same).
`;

export interface RunArguments {
  readonly command: 'run';
  readonly specFile: string;
  readonly out: string;
  readonly backend?: 'webgpu' | 'tfjs';
  readonly json: boolean;
  readonly record: boolean;
}

/** Bad input: one sentence for each problem. */
export class InputError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const OPTIONS = {
  out: { type: 'string' },
  backend: { type: 'string' },
  json: { type: 'boolean' },
  record: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** Reads the command line. Throws an InputError that says what is accepted. */
export function readArguments(argv: readonly string[]): RunArguments | { readonly command: 'help' } {
  const { values, positionals } = parsed(argv);
  if (values.help) return { command: 'help' };
  const [command, specFile, ...rest] = positionals;
  const { out, backend, json = false, record = false } = values;
  const problems: string[] = [];
  if (command !== 'run')
    problems.push(`${command ? `"${command}" is no command` : 'A command is missing'}: use run, or --help.`);
  else if (specFile === undefined) problems.push('run: the spec file is missing, as in: run spec.json --out dir.');
  if (rest.length > 0) problems.push(`run takes one spec file; "${rest.join(' ')}" is too much.`);
  if (!out) problems.push('--out: the folder for the result is missing, as in: --out dir.');
  if (backend !== undefined && backend !== 'webgpu' && backend !== 'tfjs') {
    problems.push(`--backend: "${backend}" is not accepted; use webgpu or tfjs.`);
  } else if (problems.length === 0 && specFile !== undefined && out) {
    return { command: 'run', specFile, out, json, record, ...(backend === undefined ? {} : { backend }) };
  }
  throw new InputError(problems);
}

function parsed(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    const [message = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw new InputError([`${message.replace(/\.$/, '')}; --help lists what is accepted.`]);
  }
}
