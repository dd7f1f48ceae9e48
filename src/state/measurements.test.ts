import { expect, test } from 'vitest';
import type { Structure } from '../core/network/index.ts';
import type { Answer, Asking, Question } from '../core/questions/questions.ts';
import { type Job, Measurements } from './measurements.ts';

const SMALL: Structure = { channels: { a: [0], b: [1] } };
const job = (run: number, structures: Job['structures'], training = true): Job => ({
  run,
  structures,
  batches: [1, 64],
  training,
});
const both = [
  { structure: 'dense', step: 0 },
  { structure: SMALL, step: 40 },
] as const;

/** A worker whose answers come when the test says so. */
function asked() {
  const questions: {
    run: number;
    question: Question<'measure'>;
    asking: Asking;
    settle: (failure?: string) => void;
  }[] = [];
  const measurements = new Measurements(
    (run, question, asking = {}) =>
      new Promise<Answer<'measure'>>((resolve, reject) => {
        asking.signal?.addEventListener('abort', () => reject(asking.signal?.reason as Error));
        const settle = (failure?: string): void => {
          if (failure !== undefined) return reject(new Error(failure));
          const speeds = question.structures.map((structure, index) => ({
            latencyMs: question.batches.map((batch) => ({ batch, median: batch * (index + 1), p95: 9, n: 8 })),
            imagesPerSecond: structure === 'dense' ? 100 : 150,
            steps: 20,
          }));
          resolve({ speeds, batchSize: 50, adapter: 'a made-up adapter' });
        };
        questions.push({ run, question, asking, settle });
      }),
  );
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
  return { measurements, questions, turn };
}

test('a measurement tells its progress and is found by run and structure, in whatever order of groups', async () => {
  const { measurements, questions, turn } = asked();
  let told = 0;
  measurements.subscribe(() => told++);
  const done = measurements.measure([job(3, both)]);
  await turn();
  expect(questions[0]?.question).toMatchObject({ structures: ['dense', SMALL], batches: [1, 64], training: true });
  expect(measurements.state.busy).toEqual({ run: 3, progress: 0, job: 1, jobs: 1 });
  questions[0]?.asking.onProgress?.(6, 24);
  expect(measurements.state.busy?.progress).toBe(0.25);
  expect(told).toBeGreaterThan(1);
  questions[0]?.settle();
  await done;
  expect(measurements.state).toMatchObject({ busy: null, version: 1 });
  expect(measurements.of(3, { channels: { b: [1], a: [0] } })).toMatchObject({
    step: 40,
    imagesPerSecond: 150,
    batchSize: 50,
  });
  expect(measurements.of(3, 'dense')?.latencyMs[1]?.median).toBe(64);
  expect(measurements.of(4, SMALL)).toBeUndefined();
});

test('only what was measured together makes a pair', async () => {
  const { measurements, questions, turn } = asked();
  const later: Structure = { channels: { a: [0], b: [0] } };
  const first = measurements.measure([job(1, both)]);
  await turn();
  questions[0]?.settle();
  await first;
  expect(measurements.pair(1)?.now.step).toBe(40);
  const alone = measurements.measure([job(1, [{ structure: later, step: 60 }], false)]);
  await turn();
  questions[1]?.settle();
  await alone;
  expect(measurements.of(1, later)).toBeDefined();
  expect(measurements.pair(1)?.now.step).toBe(40);
  const again = measurements.measure([
    job(1, [
      { structure: 'dense', step: 0 },
      { structure: later, step: 80 },
    ]),
  ]);
  await turn();
  questions[2]?.settle();
  await again;
  expect(measurements.pair(1)?.now.step).toBe(80);
  expect(measurements.pair(2)).toBeNull();
});

test('jobs go one after the other; one that fails says why and leaves the others', async () => {
  const { measurements, questions, turn } = asked();
  const done = measurements.measure([job(1, both), job(2, both)]);
  await turn();
  expect(questions).toHaveLength(1);
  await measurements.measure([job(9, both)]);
  expect(questions).toHaveLength(1);
  questions[0]?.settle('This run is not open.');
  await turn();
  expect(questions[1]?.run).toBe(2);
  expect(measurements.state.busy).toMatchObject({ run: 2, progress: 0.5, job: 2 });
  questions[1]?.settle();
  await done;
  expect([...measurements.state.problems]).toEqual([[1, 'This run is not open.']]);
  expect(measurements.pair(2)).not.toBeNull();
});

test('a cancelled measurement takes its question back, says nothing, and another can follow', async () => {
  const { measurements, questions, turn } = asked();
  const done = measurements.measure([job(1, both), job(2, both)]);
  await turn();
  measurements.cancel();
  expect(measurements.state.busy).toBeNull();
  expect(questions[0]?.asking.signal?.aborted).toBe(true);
  questions[0]?.asking.onProgress?.(1, 2);
  await done;
  expect(measurements.state).toMatchObject({ busy: null, version: 0 });
  expect(measurements.state.problems.size).toBe(0);
  expect(questions).toHaveLength(1);
  const again = measurements.measure([job(1, both)]);
  await turn();
  questions[1]?.settle();
  await again;
  expect(measurements.pair(1)).not.toBeNull();
});
