import { beforeEach, expect, test, vi } from 'vitest';
import { specOf } from '../persist/testing.ts';
import { SCHEMES } from '../schemes/index.ts';
import type { Command, Report } from '../worker/messages.ts';
import { type KeptRun, offered } from './kept.ts';
import { createLab } from './store.ts';

beforeEach(() => {
  vi.stubGlobal('location', { hash: '' });
  vi.stubGlobal('document', new EventTarget());
  vi.stubGlobal('window', new EventTarget());
});

const kept = (id: string, changes: Partial<KeptRun> = {}): KeptRun => ({
  id,
  name: id,
  spec: specOf('as it began', SCHEMES),
  created: 0,
  updated: 0,
  step: 40,
  steps: 60,
  state: 'running',
  checkpoint: { step: 40, bytes: 1, events: 1 },
  bytes: 1,
  writer: null,
  ...changes,
});

/** A page whose worker found these runs. */
function page(runs: readonly KeptRun[]) {
  const sent: Command[] = [];
  let tell: (report: Report) => void = () => undefined;
  const lab = createLab(SCHEMES, (onReport) => {
    tell = onReport;
    return { send: (command) => void sent.push(command) };
  });
  const list = (now: readonly KeptRun[]): void =>
    tell({ type: 'kept', list: { runs: now, damaged: [] }, use: { runs: 0, usage: null, quota: null }, problem: null });
  list(runs);
  sent.length = 0;
  const { store, actions } = lab;
  return { store, actions, sent, tell, list, names: () => offered(store.getState()).map(({ name }) => name) };
}

test('of the runs found when the page opened those are offered that were cut off and nobody writes', () => {
  const runs = [
    kept('a'),
    kept('b', { state: 'paused' }),
    kept('elsewhere', { writer: 'elsewhere' }),
    kept('bare', { checkpoint: null }),
    kept('done', { state: 'done' }),
    kept('stopped', { state: 'stopped' }),
  ];
  const { names, list, actions } = page(runs);
  expect(names()).toEqual(['a', 'b']);
  // Paused by this visit.
  list([...runs.slice(1), kept('new', { state: 'paused' })]);
  expect(names()).toEqual(['b']);
  actions.dismissInterrupted();
  expect(names()).toEqual([]);
});

test('a run cut off takes the place of an untouched one and runs on; one that failed or ended waits', () => {
  for (const [state, goesOn] of [
    ['running', true],
    ['stopped', true],
    ['error', false],
    ['done', false],
  ] as const) {
    const run = kept('a', { state });
    const { store, actions, sent, names } = page([run]);
    actions.resume(run);
    const { lanes, selected } = store.getState();
    expect(lanes.map(({ spec }) => spec.name)).toEqual(['a']);
    expect(sent).toEqual([
      { type: 'open', runs: [] },
      { type: 'resume', run: selected, id: 'a', spec: run.spec },
      ...(goesOn ? [{ type: 'run' }] : []),
    ]);
    expect(names()).toEqual([]);
  }
});

test('beside a run that was trained it is one more lane, under a name of its own, and does as the others do', () => {
  const run = kept('a');
  const { store, actions, sent, tell } = page([run]);
  const { selected } = store.getState();
  const step = { kind: 'step', step: 1, epoch: 1, trainLoss: 1, trainAccuracy: 0, learningRate: 0.1 } as const;
  tell({ type: 'events', run: selected, events: [{ ...step, milliseconds: 1 }] });
  actions.rename(selected, 'a');
  sent.length = 0;
  actions.resume(run);
  expect(store.getState().lanes.map(({ spec }) => spec.name)).toEqual(['a', 'a (2)']);
  expect(sent).toEqual([{ type: 'resume', run: store.getState().selected, id: 'a', spec: run.spec }]);
});

test('a lane says which step of it is kept, until that is deleted', () => {
  const { store, list, tell } = page([]);
  const run = store.getState().selected;
  const lane = () => store.getState().lanes[0];
  tell({ type: 'saved', run, id: 'a', step: 12, at: 0 });
  tell({ type: 'saveProblem', run, message: 'full' });
  expect(lane()).toMatchObject({ kept: { id: 'a', step: 12 }, saveProblem: 'full' });
  list([kept('a')]);
  expect(lane()).toMatchObject({ kept: { id: 'a', step: 12 } });
  list([]);
  expect(lane()?.kept).toBeNull();
});
