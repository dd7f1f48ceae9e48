import type { Spec } from '../../src/core/spec/spec.ts';
import { endOf } from '../run-folder.ts';
import type { Found } from './collect.ts';

/** Mean and range of a measure over the finished runs of a group; null where none measured it. */
export interface Spread {
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  readonly n: number;
}

/** Runs whose specs differ by name and seed alone, on one adapter. */
export interface Group {
  readonly name: string;
  readonly spec: Spec;
  readonly adapter: string;
  readonly runs: readonly Found[];
  readonly seeds: readonly number[];
  readonly accuracy: Spread | null;
  readonly macs: Spread | null;
  readonly parameters: Spread | null;
  /** Median milliseconds of inference by batch. */
  readonly latency: ReadonlyMap<number, Spread>;
  readonly imagesPerSecond: Spread | null;
  readonly wallSeconds: Spread | null;
  /** Test accuracy at the steps at which every finished run was evaluated. */
  readonly curve: readonly { readonly step: number; readonly accuracy: Spread }[];
}

/** The groups, in the order in which their first runs were found. */
export function groupsOf(found: readonly Found[]): readonly Group[] {
  const byKey = new Map<string, Found[]>();
  for (const one of found) {
    const { name: _name, seed: _seed, ...spec } = one.result.spec;
    const key = JSON.stringify([spec, adapterOf(one)]);
    byKey.set(key, [...(byKey.get(key) ?? []), one]);
  }
  return [...byKey.values()].map(groupOf);
}

export const adapterOf = ({ result }: Found): string => `${result.adapter.description} (${result.adapter.backend})`;

function groupOf(runs: readonly Found[]): Group {
  const [first] = runs;
  if (!first) throw new Error('A group has at least one run.');
  const finals = runs.filter(({ result }) => endOf(result) === 'done').map(({ result }) => result);
  const batches = new Set(finals.flatMap(({ final }) => final.latencyMs.map(({ batch }) => batch)));
  const latency = [...batches].flatMap((batch) => {
    const medians = finals.map(({ final }) => final.latencyMs.find((one) => one.batch === batch)?.median);
    const spread = spreadOf(medians);
    return spread ? [[batch, spread] as const] : [];
  });
  return {
    name: commonName(runs.map(({ result }) => result.spec.name)),
    spec: first.result.spec,
    adapter: adapterOf(first),
    runs,
    seeds: [...new Set(runs.map(({ result }) => result.spec.seed))].sort((a, b) => a - b),
    accuracy: spreadOf(finals.map(({ final }) => final.testAccuracy)),
    macs: spreadOf(finals.map(({ final }) => final.macs)),
    parameters: spreadOf(finals.map(({ final }) => final.parameters)),
    latency: new Map(latency),
    imagesPerSecond: spreadOf(finals.map(({ final }) => final.imagesPerSecond)),
    wallSeconds: spreadOf(finals.map(({ wallSeconds }) => wallSeconds)),
    curve: curveOf(finals),
  };
}

export function spreadOf(values: readonly (number | undefined)[]): Spread | null {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return null;
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  return { mean, min: Math.min(...known), max: Math.max(...known), n: known.length };
}

function curveOf(results: readonly Found['result'][]): Group['curve'] {
  const evaluated = results.map(
    ({ history }) =>
      new Map(
        history.flatMap(({ step, testAccuracy }) =>
          testAccuracy === undefined ? [] : [[step, testAccuracy] as const],
        ),
      ),
  );
  return [...(evaluated[0]?.keys() ?? [])].flatMap((step) => {
    const values = evaluated.map((accuracies) => accuracies.get(step));
    const accuracy = values.includes(undefined) ? null : spreadOf(values);
    return accuracy ? [{ step, accuracy }] : [];
  });
}

/** What the names begin with alike, without the seed that follows. */
function commonName(names: readonly string[]): string {
  const [first = '', ...others] = names;
  if (others.every((name) => name === first)) return first;
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length--;
  return first.slice(0, length).replace(/[\s,;(–-]*(seed)?[\s=]*$/u, '') || first;
}
