import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Lab, connectLab } from './client.ts';
import type { Command, Report } from './messages.ts';

/** The real worker in a real browser, on its WebGPU adapter, with CIFAR-10 from the server. */
const spec = {
  version: 1,
  model: { id: 'convnet-micro', width: 0.5 },
  data: { train: 2_200, test: 100, holdOut: 100 },
  train: { steps: 12, batchSize: 20, evaluateEvery: 6 },
  scheme: { id: 'chex', budget: { kind: 'channels', keep: 0.5 }, every: 3, until: 9 },
};

let lab: Lab;
const reports: Report[] = [];

beforeAll(() => {
  // The page stands at the root of the site; the test runner's own page does not.
  document.head.append(Object.assign(document.createElement('base'), { href: '/' }));
  lab = connectLab((report) => reports.push(report));
});
afterAll(() => lab.dispose());

const states = () =>
  reports.flatMap((report) => (report.type === 'state' && report.run === undefined ? [report.state] : []));
const events = (run: number) =>
  reports.flatMap((report) => (report.type === 'events' && report.run === run ? report.events : []));

async function until(state: string, command: Command): Promise<void> {
  const before = states().length;
  lab.send(command);
  await vi.waitFor(() => expect(states().slice(before)).toContain(state), { timeout: 60_000, interval: 20 });
}

test('opens, steps, runs to the end, refuses a bad spec and goes on to the next run', async () => {
  await until('idle', { type: 'open', runs: [{ run: 1, spec }] });
  expect(reports.find((report) => report.type === 'engine')).toMatchObject({ backend: 'webgpu' });
  expect(events(1).map(({ kind }) => kind)).toContain('start');

  await until('paused', { type: 'advance', to: 'step' });
  expect(events(1).findLast(({ kind }) => kind === 'step')?.step).toBe(1);
  await until('paused', { type: 'advance', to: 'decision' });
  expect(events(1).at(-1)).toMatchObject({ kind: 'structure', step: 3 });
  lab.send({ type: 'visibility', hidden: true });
  await until('done', { type: 'run' });
  expect(events(1).at(-1)).toMatchObject({ kind: 'finish', step: 12 });
  expect(events(1).flatMap((event) => (event.kind === 'evaluate' ? [[event.step, event.images]] : []))).toEqual([
    [6, 100],
    [12, 100],
  ]);
  expect(reports.findLast((report) => report.type === 'data')).toEqual({
    type: 'data',
    loadedImages: 2_300,
    totalImages: 2_300,
  });

  lab.send({ type: 'open', runs: [{ run: 2, spec: { ...spec, sede: 1 } }] });
  const problem = () => reports.findLast(({ type }) => type === 'problem');
  await vi.waitFor(() => expect(problem()).toMatchObject({ problems: [{ path: 'sede' }] }));
  expect(states().at(-1)).toBe('done');

  await until('idle', { type: 'open', runs: [{ run: 2, spec }] });
  await until('done', { type: 'run' });
  const losses = (run: number) => events(run).flatMap((event) => (event.kind === 'step' ? [event.trainLoss] : []));
  expect(losses(2).length).toBe(12);
  expect(losses(2)).toEqual(losses(1));
});
