import { availableParallelism, cpus } from 'node:os';
import type { Widths } from '../../src/core/network/index.ts';
import type { LatencyRecord } from '../../src/core/events/events.ts';
import type { Spec } from '../../src/core/spec/spec.ts';
import type { Checked } from '../commands/check.ts';
import { InputError, counted } from '../around.ts';
import { adapterOf, groupsOf } from '../report/groups.ts';
import type { Found } from '../report/collect.ts';
import { endOf } from '../run-folder.ts';

/** One finished run. */
export interface Member {
  readonly seed: number;
  /** Share of the test images. */
  readonly testAccuracy: number;
  readonly testLoss: number;
  readonly macs: number;
  readonly parameters: number;
  readonly widths: Widths;
  readonly latencyMs: readonly LatencyRecord[];
  /** Of training, at the end. */
  readonly imagesPerSecond: number;
  readonly wallSeconds: number;
}

/** A method: runs whose specs differ by the seed alone. */
export interface Method {
  readonly name: string;
  /** With the first of the seeds. */
  readonly spec: Spec;
  readonly runs: readonly Member[];
}

/** All that a page of results is written from. */
export interface Results {
  readonly id: string;
  readonly adapter: string;
  readonly processor: string;
  readonly dense: { readonly macs: number; readonly parameters: number };
  readonly methods: readonly Method[];
  readonly check: Checked;
}

/**
 * Joins runs to results. Throws an InputError where they do not belong together: several adapters, another network, runs
 * that did not finish.
 */
export function resultsOf(id: string, found: readonly Found[], check: Checked): Results {
  const problems: string[] = [];
  const adapters = [...new Set(found.map(adapterOf))];
  if (adapters.length > 1) problems.push(`The runs were made on several adapters: ${adapters.join(', ')}.`);
  for (const { directory, result } of found) {
    if (endOf(result) !== 'done') problems.push(`${directory}: this run did not finish (${endOf(result)}).`);
  }
  const groups = groupsOf(found);
  const [first] = groups;
  if (!first) throw new InputError(['There are no runs.']);
  for (const { name, spec } of groups) {
    const own = { ...spec, name: '', seed: 0, scheme: null };
    const other = { ...first.spec, name: '', seed: 0, scheme: null };
    if (JSON.stringify(own) !== JSON.stringify(other))
      problems.push(`${name}: it differs from ${first.name} in more than its scheme.`);
  }
  if (problems.length > 0) throw new InputError(problems);
  return {
    id,
    adapter: adapters.join(),
    processor: `${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${counted(availableParallelism(), 'core')}`,
    dense: found[0]?.result.final.dense ?? { macs: NaN, parameters: NaN },
    methods: groups.map(({ name, spec, runs }) => ({
      name,
      spec,
      runs: runs.map(memberOf).sort((a, b) => a.seed - b.seed),
    })),
    check,
  };
}

function memberOf({ result: { spec, final, wallSeconds = NaN } }: Found): Member {
  const { testAccuracy = NaN, testLoss = NaN, macs, parameters, widths, latencyMs, imagesPerSecond } = final;
  return { seed: spec.seed, testAccuracy, testLoss, macs, parameters, widths, latencyMs, imagesPerSecond, wallSeconds };
}
