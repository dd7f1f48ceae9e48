import { type RunResult, resultOf } from '../core/events/history.ts';
import { countStructure } from '../core/network/index.ts';
import { EXPORT_FORMATS, type ExportFormat, type ExportedFile, type Snippet, fileName } from '../export/index.ts';
import { resultsCsv, resultsJson } from '../export/results.ts';
import type { Lane } from './lanes.ts';
import type { Lab } from './store.ts';

export { fileName };

/** Files made for the user, and what to say of them. */
export interface Written {
  readonly files: readonly ExportedFile[];
  /** Of a network: what was written and how it is read. */
  readonly network?: {
    readonly format: string;
    readonly summary: string;
    readonly run: string;
    readonly step: number;
    readonly macs: number;
    readonly parameters: number;
    /** Of the dense network that the run's spec names; null where the run has not told them. */
    readonly dense: { readonly macs: number; readonly parameters: number } | null;
    readonly snippet: Snippet;
  };
}

/**
 * The compact network of a run as it stands now, or at a kept checkpoint's step, as the files of a format, called as the
 * run. Rejects with a sentence where the run cannot answer or the network cannot be written.
 */
export async function writeNetwork(
  lab: Pick<Lab, 'ask' | 'live'>,
  { run, spec }: Pick<Lane, 'run' | 'spec'>,
  id: ExportFormat['id'],
  at: number | null = null,
): Promise<Written> {
  const format = EXPORT_FORMATS.find((each) => each.id === id);
  if (!format) throw new Error(`There is no export format "${id}".`);
  const model = await lab.ask(run, { kind: 'model', ...(at === null ? {} : { at }) });
  const { files, snippet } = format.write(model, spec.name);
  const { macs, parameters } = countStructure(model.network, model.structure);
  return {
    files,
    network: {
      format: format.title,
      summary: format.summary,
      run: spec.name,
      step: model.step,
      macs,
      parameters,
      dense: lab.live(run).start?.dense ?? null,
      snippet,
    },
  };
}

/** What files about several runs are called. */
export const nameOfRuns = (lanes: readonly Pick<Lane, 'spec'>[]): string => {
  const [first, ...more] = lanes.map(({ spec }) => spec.name);
  return more.length === 0 ? (first ?? 'run') : `race ${first} and ${more.length} more`;
};

const RESULTS = { csv: resultsCsv, json: resultsJson } as const;

/** What runs have told so far, under the names that they have now, as a file. Throws a sentence where nothing is told. */
export function writeResults(
  lab: Pick<Lab, 'events'>,
  lanes: readonly Pick<Lane, 'run' | 'spec'>[],
  format: keyof typeof RESULTS,
): Written {
  if (lanes.length === 0) throw new Error('No run in sight has a history yet.');
  const results = lanes.map(({ run, spec }): RunResult => {
    const result = resultOf(lab.events(run));
    return { ...result, spec: { ...result.spec, name: spec.name } };
  });
  const bytes = new TextEncoder().encode(RESULTS[format](results));
  return { files: [{ name: fileName(nameOfRuns(lanes), format), bytes }] };
}
