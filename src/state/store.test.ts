import { beforeEach, expect, test, vi } from 'vitest';
import { SCHEMES } from '../schemes/index.ts';
import type { Command, Report } from '../worker/messages.ts';
import { createLab } from './store.ts';

beforeEach(() => {
  vi.stubGlobal('location', { hash: '' });
  vi.stubGlobal('document', new EventTarget());
  vi.stubGlobal('window', new EventTarget());
});

/** A page without a worker: what it was sent, and a way to answer. */
function page() {
  const sent: Command[] = [];
  const reports: ((report: Report) => void)[] = [];
  const lab = createLab(SCHEMES, (onReport) => {
    reports.push(onReport);
    return { send: (command) => void sent.push(command) };
  });
  return { lab, sent, tell: (report: Report) => reports.forEach((report_) => report_(report)) };
}

const taps = { stride: 3, offsets: [0, 1, 2] };

test('a fork takes the switched channels and the chosen taps along, and the run it left is as it was', () => {
  const { lab, sent } = page();
  const { actions, store } = lab;
  const parent = store.getState().selected;
  actions.switchChannels('conv1', [0, 2]);
  actions.chooseTaps('conv2', taps);
  actions.chooseTaps('conv3', taps);
  actions.chooseTaps('conv3', null);
  actions.fork(7);
  expect(sent.at(-1)).toMatchObject({
    type: 'fork',
    from: { run: parent, step: 7 },
    channels: { conv1: [0, 2] },
    taps: { conv2: taps },
  });
  expect(store.getState().edits).toEqual({});
  expect(store.getState().tapEdits).toEqual({});
  expect(store.getState().selected).not.toBe(parent);
  actions.undo();
  expect(store.getState()).toMatchObject({ selected: parent });
});

test('a fork without taps says nothing of them', () => {
  const { lab, sent } = page();
  lab.actions.switchChannels('conv1', [0]);
  lab.actions.fork(1);
  expect(sent.at(-1)).toMatchObject({ type: 'fork', channels: { conv1: [0] } });
  expect(sent.at(-1)).not.toHaveProperty('taps');
});

test('Discard gives channels and taps back, and so does looking at another step or run', () => {
  const { lab, tell } = page();
  const { actions, store } = lab;
  const byHand = (): void => {
    actions.switchChannels('conv1', [0]);
    actions.chooseTaps('conv2', taps);
    expect(store.getState()).toMatchObject({ edits: { conv1: [0] }, tapEdits: { conv2: taps } });
  };
  byHand();
  actions.discard();
  expect(store.getState().tapEdits).toEqual({});

  const step = { kind: 'step', epoch: 1, trainLoss: 1, trainAccuracy: 0, learningRate: 0.1, milliseconds: 1 } as const;
  const run = store.getState().selected;
  tell({ type: 'events', run, events: [1, 2, 3].map((at) => ({ ...step, step: at })) });
  byHand();
  // Where it is already.
  actions.seek(null);
  expect(store.getState().tapEdits).toEqual({ conv2: taps });
  actions.seek(2);
  expect(store.getState().tapEdits).toEqual({});
  expect(store.getState().edits).toEqual({});
  byHand();
  actions.addRun();
  expect(store.getState().tapEdits).toEqual({});
});
