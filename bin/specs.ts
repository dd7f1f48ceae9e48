import { resolve } from 'node:path';
import { parseSpec } from '../src/core/spec/parse.ts';
import { MOST_RUNS, parseRace } from '../src/core/spec/race.ts';
import type { Spec } from '../src/core/spec/spec.ts';
import { SCHEMES } from '../src/schemes/index.ts';
import { InputError } from './around.ts';
import { readJson } from './files.ts';

/** The spec in a file. Throws an InputError with a sentence for each problem. */
export async function readSpec(folder: string, file: string): Promise<Spec> {
  const input = await readJson(resolve(folder, file), file);
  if (Array.isArray(input)) throw new InputError([`${file}: run takes one spec, and this is a list; use race.`]);
  const parsed = parseSpec(input, SCHEMES);
  if (!parsed.ok) throw new InputError(parsed.problems.map(({ message }) => message));
  return parsed.spec;
}

/** The specs in files, each of which holds one or a list. Throws an InputError with a sentence for each problem. */
export async function readRace(folder: string, files: readonly string[]): Promise<readonly Spec[]> {
  const inputs: { readonly shown: string; readonly input: unknown }[] = [];
  for (const file of files) {
    const input = await readJson(resolve(folder, file), file);
    if (Array.isArray(input)) inputs.push(...input.map((one: unknown, i) => ({ shown: `${file}[${i}]`, input: one })));
    else inputs.push({ shown: file, input });
  }
  if (inputs.length < 2 || inputs.length > MOST_RUNS) {
    throw new InputError([
      `race takes 2 to ${MOST_RUNS} specs, not ${inputs.length}; for one use run, for more sweep.`,
    ]);
  }
  const parsed = inputs.map(({ shown, input }) => ({ shown, read: parseSpec(input, SCHEMES) }));
  const problems = parsed.flatMap(({ shown, read }) =>
    read.ok ? [] : read.problems.map(({ message }) => `${shown}: ${message}`),
  );
  if (problems.length > 0) throw new InputError(problems);
  // Names are made unique.
  const race = parseRace(
    parsed.flatMap(({ read }) => (read.ok ? [read.spec] : [])),
    SCHEMES,
  );
  if (!race.ok) throw new InputError(race.problems.map(({ message }) => message));
  return race.specs;
}

/** Names as names of folders: letters, digits, dots, dashes and equals signs, none twice. */
export function folderNames(names: readonly string[]): readonly string[] {
  const taken = new Set<string>();
  return names.map((name) => {
    const plain = slug(name);
    let own = plain;
    for (let number = 2; taken.has(own.toLowerCase()); number++) own = `${plain}-${number}`;
    taken.add(own.toLowerCase());
    return own;
  });
}

const LONGEST = 100;

function slug(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^\w.=+-]+/g, '-')
    .replaceAll(/^[-.]+|[-.]+$/g, '');
  return plain.slice(0, LONGEST) || 'run';
}
