import { describe, expect, test } from 'vitest';
import { type RunView, emptyView } from '../../core/events/view.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import type { Spec } from '../../core/spec/spec.ts';
import { SCHEMES } from '../../schemes/index.ts';
import { type Lane, newLane } from '../../state/lanes.ts';
import { laneFigures, originOf, reasonOf, settingsOf, stateOf } from './run-words.ts';

const spec = (name: string): Spec => {
  const parsed = parseSpec({ version: 1, name, model: { id: 'convnet-micro' }, scheme: { id: 'dense' } }, SCHEMES);
  if (!parsed.ok) throw new Error(parsed.problems[0]?.message);
  return parsed.spec;
};
const lane = (more: Partial<Lane> = {}): Lane => ({ ...newLane(1, 0, spec('A')), state: 'running', ...more });
const started = (more: Partial<RunView> = {}): RunView => ({
  ...emptyView(),
  start: {
    kind: 'start',
    step: 0,
    spec: spec('A'),
    steps: 1_200,
    stepsPerEpoch: 10,
    adapter: { backend: 'tfjs', vendor: '', architecture: '', description: '' },
    dense: { macs: 1_000, parameters: 10, widths: {} },
    prunable: [],
  },
  macs: 1_000,
  ...more,
});

describe('how a run stands', () => {
  const diverged = started({ stop: { kind: 'diverged', step: 9, message: 'Training diverged at step 9.' } });

  test.each([
    [lane(), started(), 'running'],
    [lane({ state: 'idle' }), started(), 'ready'],
    [lane({ state: 'done', recorded: true }), started(), 'recorded'],
    [lane({ state: 'error' }), diverged, 'diverged'],
    [lane({ state: 'error', problem: { message: 'No.', problems: [] } }), emptyView(), 'refused'],
    [lane({ state: 'error', problem: { message: 'No.', problems: [] } }), started(), 'stopped'],
  ])('%#', (given, view, word) => {
    expect(stateOf(given, view)).toBe(word);
  });

  test('says why, and nothing while all is well', () => {
    expect(reasonOf(lane(), started())).toBeNull();
    expect(reasonOf(lane({ state: 'error' }), diverged)).toBe('Training diverged at step 9.');
    expect(reasonOf(lane({ problem: { message: 'No.', problems: [] } }), emptyView())).toBe('No.');
  });
});

test('figures: before the start, before an evaluation, after one', () => {
  expect(laneFigures(emptyView())).toEqual({ steps: '', test: '–', macs: '–' });
  expect(laneFigures(started())).toEqual({ steps: '0/1,200', test: '–', macs: '100 %' });
  const later = started({ step: 1_100, macs: 503, test: [{ step: 1_000, loss: 1, accuracy: 0.5421 }] });
  expect(laneFigures(later)).toEqual({ steps: '1,100/1,200', test: '54.2 %', macs: '50 %' });
});

test('a fork names its parent, by the name it has now, and by the one it had when it is gone', () => {
  const fork = lane({ run: 2, parent: { run: 1, step: 1_000 } });
  const view = started({ parent: { name: 'A', step: 1_000 } });
  expect(originOf(fork, view, [lane({ spec: spec('B') }), fork])).toBe('fork of B at step 1,000');
  expect(originOf(fork, view, [fork])).toBe('fork of A at step 1,000');
  expect(originOf(lane(), started(), [lane()])).toBeNull();
});

test('settings are those of the spec until they are changed, one by one', () => {
  expect(settingsOf(emptyView())).toBeNull();
  const { learningRate, weightDecay } = spec('A').train;
  expect(settingsOf(started())).toEqual({ learningRate, weightDecay });
  const changed = started({
    settings: [
      { step: 2, learningRate: 0.5, message: '' },
      { step: 4, weightDecay: 0.25, message: '' },
    ],
  });
  expect(settingsOf(changed)).toEqual({ learningRate: 0.5, weightDecay: 0.25 });
});

test('a run that is being prepared says how far it is', () => {
  const schemeProgress = { what: 'SynFlow passes', done: 12, of: 30 };
  expect(stateOf(lane({ state: 'loading', schemeProgress }), emptyView())).toBe('SynFlow passes: 12 of 30');
  expect(stateOf(lane({ state: 'loading' }), emptyView())).toBe('preparing');
  expect(stateOf(lane({ state: 'error', schemeProgress }), started())).toBe('stopped');
});

test('a run whose scheme searches says how far it is, but not while it is paused', () => {
  const schemeProgress = { what: 'masks scored', done: 45, of: 96 };
  expect(stateOf(lane({ state: 'running', schemeProgress }), started())).toBe('masks scored: 45 of 96');
  expect(stateOf(lane({ state: 'paused', schemeProgress }), started())).toBe('paused');
  expect(stateOf(lane({ state: 'running' }), started())).toBe('running');
});
