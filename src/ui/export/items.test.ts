import { describe, expect, test } from 'vitest';
import { type RunView, emptyView } from '../../core/events/view.ts';
import { newLane } from '../../state/lanes.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { SCHEMES } from '../../schemes/index.ts';
import { EXPORTS, type ExportChoice } from './items.ts';
import { runsInSight } from './runs.ts';

const parsed = parseSpec({ version: 1, model: { id: 'convnet-micro' }, scheme: { id: 'dense' } }, SCHEMES);
if (!parsed.ok) throw new Error('The spec was refused.');
const { spec } = parsed;
const lane = newLane(1, 0, spec);
const started = (step: number): RunView => ({ ...emptyView(), step, start: { kind: 'start' } as RunView['start'] });

/** Reasons of the entries that cannot be had, by title. */
function refused(changes: Partial<ExportChoice>, step = 5): Record<string, string> {
  const view = started(step);
  const lab = { live: () => view } as unknown as ExportChoice['lab'];
  const choice: ExportChoice = { lab, lane, view, cursor: null, runs: [lane], ...changes };
  return Object.fromEntries(
    EXPORTS.flatMap((item) => {
      const why = item.why(choice);
      return why === null ? [] : [[item.title, why]];
    }),
  );
}

describe('what cannot be exported says why', () => {
  test('of a run that was trained everything can be had', () => {
    expect(refused({})).toEqual({});
  });

  test('before the first step there is a network, and a history without rows', () => {
    expect(Object.keys(refused({}, 0))).toEqual(['Run file', 'Results (CSV)', 'Picture (PNG)']);
  });

  test('a recording has results and no parameters', () => {
    const why = 'A recording has no parameters';
    expect(refused({ lane: { ...lane, recorded: true } })).toEqual({
      ONNX: why,
      'TF.js layers model': why,
      safetensors: why,
      'Run file': 'A recording cannot go on',
    });
  });

  test('an earlier step has a network where its checkpoint is kept', () => {
    expect(refused({ cursor: 5, lane: { ...lane, snapshots: [0, 5] } })).toEqual({});
    expect(refused({ cursor: 5 })['ONNX']).toMatch(/^Step 5 is not kept/);
  });

  test('where no run is open there is nothing', () => {
    expect(Object.keys(refused({ view: emptyView(), runs: [] }))).toEqual(EXPORTS.map(({ title }) => title));
  });
});

test('results are those of the runs in sight, or of the selected one where all are hidden', () => {
  const lanes = [lane, { ...newLane(2, 1, spec), hidden: true }, newLane(3, 2, spec)];
  const runs = (selected: number, told: readonly number[], of = lanes) =>
    runsInSight(of, selected, (run) => told.includes(run)).map(({ run }) => run);
  expect(runs(1, [1, 2, 3])).toEqual([1, 3]);
  expect(runs(1, [1, 2])).toEqual([1]);
  expect(
    runs(
      2,
      [1, 2, 3],
      lanes.map((each) => ({ ...each, hidden: true })),
    ),
  ).toEqual([2]);
  expect(runs(1, [])).toEqual([]);
});
