import { expect, test } from 'vitest';
import type { Answer, Asking, Question } from '../core/questions/questions.ts';
import { PictureStore } from './predictions-pictures.ts';
import { PredictionStore } from './predictions.ts';

interface Asked {
  readonly run: number;
  readonly question: Question<'predictions'>;
  readonly asking: Asking;
  /** Answers at a step that all images are of class `predicted`. */
  answer(step: number, predicted?: number): Promise<void>;
  refuse(message: string): Promise<void>;
}

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

/** A store whose questions the test answers, and whose clock it moves. */
function page() {
  const asked: Asked[] = [];
  const clock = { now: 0 };
  const store = new PredictionStore(
    (run, question, asking) =>
      new Promise<Answer<'predictions'>>((resolve, reject) => {
        asked.push({
          run,
          question,
          asking,
          answer(step, predicted = 0) {
            const logits = Float32Array.from({ length: 30 }, (_, i) => (i % 10 === predicted ? 1 : 0));
            resolve({ step, structure: { channels: {} }, logits, labels: Uint8Array.from([0, 1, 0]) });
            return settled();
          },
          refuse(message) {
            reject(new Error(message));
            return settled();
          },
        });
      }),
    () => clock.now,
  );
  const last = (): Asked => {
    const newest = asked.at(-1);
    if (!newest) throw new Error('Nothing was asked.');
    return newest;
  };
  return { store, asked, clock, last };
}

const NOW = { run: 1 };
const resting = (step: number) => ({ step, training: false, live: true });
const training = (step: number) => ({ step, training: true, live: true });

test('a state is asked for once, tells how far it is, and is then known', async () => {
  const { store, asked, last } = page();
  const heard: unknown[] = [];
  store.subscribe(() => heard.push(store.known(NOW).asking));
  store.want(NOW, resting(5));
  store.want(NOW, resting(5));
  expect(asked).toHaveLength(1);
  expect(last()).toMatchObject({ run: 1, question: { kind: 'predictions' } });
  expect(last().question).not.toHaveProperty('at');
  last().asking.onProgress?.(1, 3);
  await last().answer(5);
  expect(heard).toEqual([{ done: 0, of: 0 }, { done: 1, of: 3 }, null]);
  expect(store.known(NOW).predictions).toMatchObject({ step: 5, images: 3, right: 2 });
  store.want(NOW, resting(5));
  expect(asked).toHaveLength(1);
  expect(store.known({ run: 2 }).predictions).toBeNull();
});

test('an answer of now is out of date once the run has moved on, one of a checkpoint never is', async () => {
  const { store, asked, clock, last } = page();
  const before = { run: 1, at: 5 };
  store.want(NOW, resting(5));
  await last().answer(5);
  store.want(before, resting(5));
  expect(last().question).toEqual({ kind: 'predictions', at: 5 });
  await last().answer(5, 1);
  expect(store.known(before).predictions?.right).toBe(1);
  expect(store.known(NOW).predictions?.right).toBe(2);
  expect([store.outdated(NOW, 5), store.outdated(NOW, 6), store.outdated(before, 6)]).toEqual([false, true, false]);
  store.want(before, resting(6));
  clock.now = 60_000;
  store.want(NOW, { ...training(6), live: false });
  expect(asked).toHaveLength(2);
  store.want(NOW, { ...resting(6), live: false });
  expect(asked).toHaveLength(3);
  // Until the new answer comes, the old one stays.
  expect(store.known(NOW).predictions?.step).toBe(5);
  await last().answer(6);
  expect(store.known(NOW).predictions?.step).toBe(6);
});

test('a run that trains is asked again after five seconds, and for at most a tenth of its time', async () => {
  const { store, asked, clock, last } = page();
  store.want(NOW, training(1));
  await last().answer(1);
  clock.now = 4_999;
  store.want(NOW, training(9));
  expect(asked).toHaveLength(1);
  clock.now = 5_000;
  store.want(NOW, training(9));
  expect(asked).toHaveLength(2);
  clock.now = 8_000;
  await last().answer(9);
  clock.now = 37_999;
  store.want(NOW, training(30));
  expect(asked).toHaveLength(2);
  clock.now = 38_000;
  store.want(NOW, training(30));
  expect(asked).toHaveLength(3);
});

test('a refusal is told and not asked again by itself, but by the user', async () => {
  const { store, asked, last } = page();
  store.want(NOW, resting(0));
  await last().refuse('This run is not open.');
  expect(store.known(NOW)).toEqual({ predictions: null, asking: null, problem: 'This run is not open.' });
  store.want(NOW, resting(0));
  expect(asked).toHaveLength(1);
  void store.ask(NOW);
  expect(store.known(NOW).problem).toBeNull();
  await last().answer(3);
  expect(store.known(NOW).predictions?.step).toBe(3);
});

test('leaving takes back what is under way but for what is still wanted, and its late answer counts for nothing', async () => {
  const { store, asked, last } = page();
  store.want(NOW, resting(0));
  store.want({ run: 2 }, resting(0));
  store.leave([{ run: 2 }]);
  expect(asked.map(({ asking }) => asking.signal?.aborted)).toEqual([true, false]);
  expect(store.known(NOW)).toEqual({ predictions: null, asking: null, problem: null });
  await asked[0]?.answer(1);
  expect(store.known(NOW).predictions).toBeNull();
  // It can be asked for again at once, and the old question does not end the new one.
  store.want(NOW, resting(0));
  expect(asked).toHaveLength(3);
  await last().answer(2);
  expect(store.known(NOW).predictions?.step).toBe(2);
});

test('of many states the oldest answers are let go', async () => {
  const { store, last } = page();
  for (let at = 0; at < 20; at++) {
    store.want({ run: 1, at }, resting(20));
    await last().answer(at);
  }
  const kept = Array.from({ length: 20 }, (_, at) => at).filter((at) => store.known({ run: 1, at }).predictions);
  expect(kept).toEqual(Array.from({ length: 16 }, (_, i) => i + 4));
});

test('each picture is asked for once, sixty at a time, and what failed can be asked for again', async () => {
  const questions: (readonly number[])[] = [];
  let fails = true;
  const store = new PictureStore((_, { indices }) => {
    questions.push(indices);
    if (fails) return Promise.reject(new Error('The data is gone.'));
    const pixels = new Uint8Array(indices.length * 3_072);
    indices.forEach((index, place) => pixels.fill(index, place * 3_072, (place + 1) * 3_072));
    return Promise.resolve({ pixels, labels: new Uint8Array(indices.length) });
  });
  await store.want(1, [7]);
  expect(store.problem()).toBe('The data is gone.');
  fails = false;
  const wanted = Array.from({ length: 70 }, (_, i) => 100 - i);
  await Promise.all([store.want(1, wanted), store.want(1, wanted.slice(0, 10)), store.want(1, [7])]);
  expect(questions.map(({ length }) => length)).toEqual([1, 60, 1, 10]);
  expect(store.problem()).toBeNull();
  for (const index of [7, 100, 41, 31]) expect(new Set(store.pixelsOf(index))).toEqual(new Set([index]));
  expect(store.pixelsOf(30)).toBeUndefined();
});
