import type { Scheme } from '../scheme/scheme.ts';
import { type SpecProblem, parseSpec } from './parse.ts';
import { refusal } from './problems.ts';
import { LONGEST_NAME, isRecord } from './schema.ts';
import type { Spec } from './spec.ts';

/** Runs in a race at most: more share one device too thinly, and their colours cannot be told apart. */
export const MOST_RUNS = 6;

export type ParsedRace =
  | { readonly ok: true; readonly specs: readonly Spec[] }
  | { readonly ok: false; readonly problems: readonly SpecProblem[] };

/**
 * Reads one spec or a list of 1 to 6, each as `parseSpec` does. With several, problems say which run they are about
 * (`runs[1].train.batchSize`). Names are made unique, since a run is known by its name.
 */
export function parseRace(input: unknown, schemes: readonly Scheme[]): ParsedRace {
  const runs: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (runs.length === 0 || runs.length > MOST_RUNS) {
    return { ok: false, problems: [refusal('runs', runs.length, `1 to ${MOST_RUNS} specs`)] };
  }
  const parsed = runs.map((run) => parseSpec(run, schemes));
  const problems = parsed.flatMap((run, index) => {
    if (run.ok) return [];
    return runs.length > 1 ? run.problems.map((problem) => ofRun(index, runs[index], problem)) : run.problems;
  });
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, specs: withUniqueNames(parsed.flatMap((run) => (run.ok ? [run.spec] : []))) };
}

/** The problem with the run in its path, and in its message, which begins with the path. */
function ofRun(index: number, run: unknown, { path, message }: SpecProblem): SpecProblem {
  // What is no object at all is refused as a whole.
  const below = isRecord(run) ? `runs[${index}].${path}` : `runs[${index}]`;
  return { path: below, message: below + message.slice(path.length) };
}

/** The same specs; of several with one name, all but the first get a number after it that makes no name twice. */
function withUniqueNames(specs: readonly Spec[]): readonly Spec[] {
  const taken = new Set(specs.map(({ name }) => name));
  const seen = new Set<string>();
  return specs.map((spec) => {
    if (!seen.has(spec.name)) {
      seen.add(spec.name);
      return spec;
    }
    let number = 2;
    while (taken.has(numbered(spec.name, number))) number++;
    const name = numbered(spec.name, number);
    taken.add(name);
    seen.add(name);
    return { ...spec, name };
  });
}

/** The name with a number, shortened to what a spec accepts, and never in the middle of a character. */
function numbered(name: string, number: number): string {
  const suffix = ` (${number})`;
  return name.slice(0, LONGEST_NAME - suffix.length).replace(/[\uD800-\uDBFF]$/, '') + suffix;
}
