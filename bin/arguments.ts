import { parseArgs } from 'node:util';
import { nearest } from '../src/core/spec/nearest.ts';
import { type Backend, InputError, type Surroundings } from './around.ts';

/** An option of a command; with `value`, what stands for its value in the help. */
export interface Option {
  readonly value?: string;
  readonly help: string;
}

export interface Command {
  readonly name: string;
  /** What follows the name, but for options that can be left out. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What it does and takes, in paragraphs. */
  readonly details: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Arguments, each with a sentence. */
  readonly examples: readonly (readonly [args: string, what: string])[];
  /** Resolves with the exit code. */
  run(given: Given, around: Surroundings): Promise<number>;
}

/** What the user gave a command. */
export interface Given {
  readonly positionals: readonly string[];
  /** Value of an option. */
  text(name: string): string | undefined;
  flag(name: string): boolean;
}

export const BACKEND: Option = {
  value: 'name',
  help: 'webgpu: our kernels, on WebGPU (npm package webgpu, Dawn); tfjs: TensorFlow.js on the processor; default: webgpu where there is an adapter, else tfjs',
};

const HELP = ['--help', '-h'];

/** Whether the user wants to read about the command. */
export const wantsHelp = (args: readonly string[]): boolean => args.some((arg) => HELP.includes(arg));

/** Reads what follows a command. Throws an InputError with a sentence for every option that is not as it should be. */
export function readGiven({ name, options }: Command, args: readonly string[]): Given {
  const known = Object.fromEntries(
    Object.entries(options).map(([key, { value }]) => [key, { type: value ? 'string' : 'boolean' } as const]),
  );
  const { positionals, tokens } = parseArgs({
    args: [...args],
    options: known,
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values = new Map<string, string | true>();
  const problems: string[] = [];
  for (const token of tokens) {
    if (token.kind !== 'option') continue;
    const { name: key, rawName, value, inlineValue } = token;
    const option = Object.hasOwn(options, key) && rawName.startsWith('--') ? options[key] : undefined;
    if (!option) problems.push(unknownOption(name, rawName, Object.keys(options)));
    else if (option.value && (value === undefined || (!inlineValue && /^-./.test(value)))) {
      problems.push(`${rawName}: its value is missing, as in: ${rawName} ${option.value}.`);
    } else if (!option.value && value !== undefined)
      problems.push(`${rawName} takes no value, so leave "${value}" out.`);
    else if (values.has(key)) problems.push(`${rawName} is given twice; give it once.`);
    else values.set(key, value ?? true);
  }
  if (problems.length > 0) throw new InputError(problems);
  return {
    positionals,
    text: (key) => {
      const value = values.get(key);
      return typeof value === 'string' ? value : undefined;
    },
    flag: (key) => values.get(key) === true,
  };
}

function unknownOption(command: string, rawName: string, known: readonly string[]): string {
  const close = nearest(rawName.replace(/^-+/, ''), known);
  const hint = close ? `did you mean --${close}? ` : '';
  return `${rawName}: ${command} has no such option; ${hint}${command} --help lists all.`;
}

/** The value of an option that must be given; `why` says what for. Throws an InputError without. */
export function required(given: Given, option: string, why: string): string {
  const value = given.text(option);
  if (value) return value;
  throw new InputError([`--${option}: ${why} is missing, as in: --${option} dir.`]);
}

/** The backend asked for, if any. Throws an InputError for any other word. */
export function backendOf(given: Given): Backend | undefined {
  const backend = given.text('backend');
  if (backend === undefined || backend === 'webgpu' || backend === 'tfjs') return backend;
  throw new InputError([`--backend: "${backend}" is not accepted; use webgpu or tfjs.`]);
}

/** A number of at least `least` that an option gives, or what stands for it. Throws an InputError for anything else. */
export function numberOf(given: Given, option: string, least: number, otherwise: number): number {
  const text = given.text(option);
  if (text === undefined) return otherwise;
  const value = text.trim() === '' ? NaN : Number(text);
  if (value >= least && Number.isFinite(value)) return value;
  throw new InputError([`--${option}: "${text}" is not accepted; use a number from ${least}.`]);
}

/** Does all of these, and throws one InputError with the problems of all. */
export function together(...checks: readonly (() => unknown)[]): void {
  const problems = checks.flatMap((check) => {
    try {
      check();
      return [];
    } catch (error) {
      if (error instanceof InputError) return error.problems;
      throw error;
    }
  });
  if (problems.length > 0) throw new InputError(problems);
}
