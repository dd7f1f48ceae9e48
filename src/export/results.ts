import type { RunResult } from '../core/events/history.ts';

/** Columns before the widths, which follow as `width <layer>`. */
const COLUMNS = [
  'run',
  'step',
  'epoch',
  'train loss',
  'train accuracy',
  'test loss',
  'test accuracy',
  'macs',
  'parameters',
] as const;

/**
 * Results as CSV (RFC 4180: commas, CRLF, quotes where needed; UTF-8): a header and one row for each run and training step,
 * as in `result.json`'s history. Numbers have all their digits; accuracies are shares from 0 to 1; test columns are empty
 * where nothing was evaluated, a width where the run has no such layer.
 */
export function resultsCsv(results: readonly RunResult[]): string {
  const layers = [...new Set(results.flatMap(({ final }) => Object.keys(final.widths)))];
  const rows = results.flatMap(({ spec, history }) =>
    history.map((row) => [
      textCell(spec.name),
      ...[row.step, row.epoch, row.trainLoss, row.trainAccuracy, row.testLoss, row.testAccuracy].map(numberCell),
      ...[row.macs, row.parameters, ...layers.map((layer) => row.widths[layer])].map(numberCell),
    ]),
  );
  const header = [...COLUMNS, ...layers.map((layer) => `width ${layer}`)].map(textCell);
  return [header, ...rows].map((cells) => `${cells.join(',')}\r\n`).join('');
}

/** Results as JSON: of one run as in `result.json` (DESIGN section 9), of several a list of these. */
export const resultsJson = (results: readonly RunResult[]): string =>
  `${JSON.stringify(results.length === 1 ? results[0] : results, null, 2)}\n`;

const numberCell = (value: number | undefined): string => (value === undefined ? '' : String(value));

/** A spreadsheet would compute a text that begins like a formula; the apostrophe makes it text. */
function textCell(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
