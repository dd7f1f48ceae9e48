import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RunResult } from '../core/events/history.ts';
import { parseSpec } from '../core/spec/parse.ts';
import { SCHEMES } from '../schemes/index.ts';
import { resultsCsv, resultsJson } from './results.ts';

const parsed = parseSpec({ version: 1, model: { id: 'convnet-micro' }, scheme: { id: 'dense' } }, SCHEMES);
if (!parsed.ok) throw new Error('The spec was refused.');
const { spec } = parsed;

type Row = RunResult['history'][number];

const resultOf = (name: string, history: readonly Row[]): RunResult => ({
  spec: { ...spec, name },
  adapter: { backend: 'webgpu', vendor: 'v', architecture: 'a', description: 'd' },
  history,
  events: [],
  final: {
    widths: history.at(-1)?.widths ?? {},
    macs: 0,
    parameters: 0,
    dense: { macs: 0, parameters: 0 },
    latencyMs: [],
    imagesPerSecond: 0,
  },
});

const rowOf = (step: number, more: Partial<Row> = {}): Row => ({
  step,
  epoch: 1,
  trainLoss: 2.5,
  trainAccuracy: 0.125,
  widths: { conv1: 8 },
  macs: 100,
  parameters: 10,
  ...more,
});

/** RFC 4180, read character by character; throws at what it does not allow. */
function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let [record, cell, quoted, closed]: [string[], string, boolean, boolean] = [[], '', false, false];
  for (let i = 0; i < text.length; i++) {
    const character = text[i] ?? '';
    if (quoted) {
      if (character !== '"') cell += character;
      else if (text[i + 1] === '"') cell += text[i++];
      else [quoted, closed] = [false, true];
    } else if (character === ',' || character === '\r') {
      record.push(cell);
      [cell, closed] = ['', false];
      if (character === ',') continue;
      if (text[++i] !== '\n') throw new Error('a carriage return alone');
      records.push(record);
      record = [];
    } else if (character === '"' && cell === '' && !closed) quoted = true;
    else if (character === '"' || character === '\n' || closed) throw new Error(`${character} out of place`);
    else cell += character;
  }
  if (quoted || cell !== '' || record.length > 0) throw new Error('the last line does not end');
  return records;
}

describe('results as CSV', () => {
  test('a row a run and step, all columns named, empty where there is nothing', () => {
    const first = resultOf('A, "quoted"', [
      rowOf(1),
      rowOf(2, { testLoss: 2, testAccuracy: 0.5, widths: { conv1: 7 } }),
    ]);
    const second = resultOf('B', [rowOf(1, { widths: { conv1: 3, conv2: 4 }, macs: 7 })]);
    expect(resultsCsv([first, second])).toBe(
      [
        'run,step,epoch,train loss,train accuracy,test loss,test accuracy,macs,parameters,width conv1,width conv2',
        '"A, ""quoted""",1,1,2.5,0.125,,,100,10,8,',
        '"A, ""quoted""",2,1,2.5,0.125,2,0.5,100,10,7,',
        'B,1,1,2.5,0.125,,,7,10,3,4',
        '',
      ].join('\r\n'),
    );
  });

  test('what a reader gets is what was written: names of any characters, numbers to the last bit', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 80 }), number, number, (name, loss, share) => {
        const rows = parseCsv(resultsCsv([resultOf(name, [rowOf(3, { trainLoss: loss, testAccuracy: share })])]));
        expect(rows.map((row) => row.length)).toEqual([10, 10]);
        expect(rows[1]?.[0]?.replace(/^'(?=[=+\-@\t\r])/, '')).toBe(name);
        expect(Number(rows[1]?.[3])).toBe(loss === 0 ? 0 : loss);
        expect(Number(rows[1]?.[6])).toBe(share === 0 ? 0 : share);
      }),
      { numRuns: 300 },
    );
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', '=HYPERLINK("http://x","y")'])(
    'a run called %j is no formula to a spreadsheet',
    (name) => {
      const cell = parseCsv(resultsCsv([resultOf(name, [rowOf(1)])]))[1]?.[0];
      expect(cell).toBe(`'${name}`);
    },
  );

  test('a loss that is no number is told as such', () => {
    const rows = parseCsv(
      resultsCsv([resultOf('A', [rowOf(1, { trainLoss: NaN }), rowOf(2, { trainLoss: Infinity })])]),
    );
    expect(rows.slice(1).map((row) => row[3])).toEqual(['NaN', 'Infinity']);
  });
});

describe('results as JSON', () => {
  test('one run is what result.json holds, several are a list of these', () => {
    const [a, b] = [resultOf('A', [rowOf(1)]), resultOf('B', [rowOf(1), rowOf(2)])];
    expect(JSON.parse(resultsJson([a]))).toEqual(a);
    expect(JSON.parse(resultsJson([a, b]))).toEqual([a, b]);
  });
});
