import type { Spec } from '../src/core/spec/spec.ts';
import { writeWhole } from './files.ts';
import { duration, percent } from './progress.ts';
import { type WrittenResult, endOf, stopMessage } from './run-folder.ts';

export type RowState = 'done' | 'diverged' | 'failed' | 'unfinished' | 'not begun';

/** A run of a race or a sweep in its summary. */
export interface Row {
  /** Where it is, relative to the summary. */
  readonly directory: string;
  readonly name: string;
  readonly seed: number;
  /** What the sweep chose for it. */
  readonly varied: Readonly<Record<string, string>>;
  readonly state: RowState;
  /** Why it stopped before its end. */
  readonly message?: string;
  readonly adapter?: string;
  readonly testAccuracy?: number;
  readonly testLoss?: number;
  readonly macs?: number;
  readonly macsShare?: number;
  readonly parameters?: number;
  readonly parametersShare?: number;
  /** Milliseconds for one image and for a batch of 64, medians. */
  readonly latencyMs1?: number;
  readonly latencyMs64?: number;
  readonly imagesPerSecond?: number;
  readonly wallSeconds?: number;
}

/** What is known of a run before it has a result. */
export interface RowHead {
  readonly directory: string;
  readonly spec: Pick<Spec, 'name' | 'seed'>;
  readonly varied?: Readonly<Record<string, string>>;
}

/** `result`: what the run came to, or why there is none. */
export function rowOf({ directory, spec, varied = {} }: RowHead, result: WrittenResult | RowState): Row {
  const head = { directory, name: spec.name, seed: spec.seed, varied };
  if (typeof result === 'string') return { ...head, state: result };
  const { final, adapter, events, wallSeconds } = result;
  const message = stopMessage(events);
  const latency = (batch: number): number | undefined => final.latencyMs.find((one) => one.batch === batch)?.median;
  return withoutUndefined({
    ...head,
    state: endOf(result),
    message,
    adapter: adapter.description,
    testAccuracy: final.testAccuracy,
    testLoss: final.testLoss,
    macs: final.macs,
    macsShare: final.macs / final.dense.macs,
    parameters: final.parameters,
    parametersShare: final.parameters / final.dense.parameters,
    latencyMs1: latency(1),
    latencyMs64: latency(64),
    imagesPerSecond: final.imagesPerSecond,
    wallSeconds,
  });
}

/** Writes `summary.json` and `summary.csv`. */
export async function writeSummary(folder: string, rows: readonly Row[]): Promise<void> {
  await writeWhole(folder, 'summary.json', `${JSON.stringify({ runs: rows }, null, 2)}\n`);
  await writeWhole(folder, 'summary.csv', csvOf(rows));
}

/** The rows for people: one line each, columns under each other. */
export function tableOf(rows: readonly Row[]): string {
  const none = '–';
  const lines = rows.map((row) => [
    row.directory,
    row.state,
    row.testAccuracy === undefined ? none : percent(row.testAccuracy),
    row.macsShare === undefined ? none : percent(row.macsShare),
    row.parametersShare === undefined ? none : percent(row.parametersShare),
    row.latencyMs64 === undefined ? none : `${row.latencyMs64.toPrecision(3)} ms`,
    row.imagesPerSecond === undefined ? none : row.imagesPerSecond.toFixed(0),
    row.wallSeconds === undefined ? none : duration(1_000 * row.wallSeconds),
  ]);
  const heads = ['run', 'state', 'test accuracy', 'MACs', 'parameters', 'latency of 64', 'images/s', 'wall time'];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...lines.map((line) => (line[column] ?? '').length)),
  );
  const shown = [heads, ...lines].map((line) =>
    line
      .map((cell, column) => (column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
  return `${shown.join('\n')}\n`;
}

const MEASURES = [
  'testAccuracy',
  'testLoss',
  'macs',
  'macsShare',
  'parameters',
  'parametersShare',
  'latencyMs1',
  'latencyMs64',
  'imagesPerSecond',
  'wallSeconds',
] as const satisfies readonly (keyof Row)[];

/** RFC 4180: a line a run, the keys that a sweep varies after its name. */
export function csvOf(rows: readonly Row[]): string {
  const varied = [...new Set(rows.flatMap((row) => Object.keys(row.varied)))];
  const lines = rows.map((row) => [
    row.directory,
    row.name,
    row.state,
    ...varied.map((key) => row.varied[key]),
    row.seed,
    row.adapter,
    ...MEASURES.map((key) => row[key]),
    row.message,
  ]);
  const heads = ['directory', 'name', 'state', ...varied.map((key) => `sweep.${key}`), 'seed', 'adapter', ...MEASURES];
  return [[...heads, 'message'], ...lines].map((line) => `${line.map(cellOf).join(',')}\r\n`).join('');
}

function cellOf(value: string | number | undefined): string {
  if (typeof value === 'number' || value === undefined) return String(value ?? '');
  // A spreadsheet would take these for formulas.
  const text = /^[=+@\-\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

const withoutUndefined = (row: { readonly [Key in keyof Row]: Row[Key] | undefined }): Row =>
  Object.fromEntries(Object.entries(row).filter(([, value]) => value !== undefined)) as unknown as Row;
