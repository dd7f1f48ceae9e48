import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { RunEvent } from '../src/core/events/events.ts';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { quadraticEngine, smallSpec, smallTraining, timeless } from '../src/lab/testing.ts';
import { EXIT, type Surroundings } from './around.ts';
import { TINY, Workplace, realSurroundings, stoppedAt } from './testing.ts';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const RUN = ['run', 'spec.json', '--out', 'out'];
const WHOLE = ['run', 'spec.json', '--out', 'whole'];
const checkpointIn = async (folder: string) =>
  decodeCheckpoint(new Uint8Array(await readFile(place.path(folder, 'checkpoint.bin'))));
const readNow = (path: string): Buffer => readFileSync(path);
const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The result in `folder` is that of an undisturbed run, bit for bit, but for wall times and the notes of resuming. */
async function expectUndisturbed(resumedAt: readonly number[]): Promise<void> {
  const [ours, theirs] = [await checkpointIn('out'), await checkpointIn('whole')];
  expect(ours).toEqual(theirs);
  const [result, whole] = [await place.result('out'), await place.result('whole')];
  expect(result.history).toEqual(whole.history);
  const events = timeless(result.events as readonly RunEvent[]) as readonly RunEvent[];
  const notes = events.filter((event) => event.kind === 'note');
  expect(notes.map(({ step }) => step)).toEqual(resumedAt);
  expect(events.filter((event) => event.kind !== 'note')).toEqual(timeless(whole.events as readonly RunEvent[]));
  expect({ ...result.final, imagesPerSecond: 0 }).toEqual({ ...whole.final, imagesPerSecond: 0 });
  expect((await readdir(place.path('out'))).toSorted()).toEqual(['checkpoint.bin', 'result.json']);
}

describe('a run stopped by Ctrl-C', () => {
  // Decisions fall on steps 4, 8, 12 and 16, evaluations on 7, 14, 21 and 23.
  test.each([1, 4, 7, 10, 20])('in step %i goes on bit for bit, with its whole history', async (step) => {
    await place.write('spec.json', smallSpec());
    await place.call(WHOLE);
    const { stop, engine } = stoppedAt(step - 1);
    const { code, out, err } = await place.call(RUN, engine, { stop });
    expect([code, out]).toEqual([EXIT.interrupted, '']);
    const { trainer } = await checkpointIn('out');
    // The call to the engine that was under way is finished.
    expect(trainer.step).toBeGreaterThanOrEqual(step);
    expect(err.at(-1)).toBe(
      `Interrupted after step ${trainer.step}: out holds the checkpoint, and --resume goes on from it.`,
    );
    expect((await readdir(place.path('out'))).toSorted()).toEqual(['checkpoint.bin', 'events.jsonl']);

    expect((await place.call([...RUN, '--resume'])).code).toBe(EXIT.done);
    await expectUndisturbed([trainer.step]);
  });

  test('in its last call to the engine is finished', async () => {
    await place.write('spec.json', smallSpec());
    const { stop, engine } = stoppedAt(22);
    expect((await place.call(RUN, engine, { stop })).code).toBe(EXIT.done);
  });

  test('and again and again', async () => {
    await place.write('spec.json', smallSpec());
    await place.call(WHOLE);
    const steps: number[] = [];
    for (const step of [2, 9, 15]) {
      const { stop, engine } = stoppedAt(step);
      expect((await place.call([...RUN, '--resume'], engine, { stop })).code).toBe(EXIT.interrupted);
      steps.push((await checkpointIn('out')).trainer.step);
    }
    expect(new Set(steps).size).toBe(3);
    expect((await place.call([...RUN, '--resume'])).code).toBe(EXIT.done);
    await expectUndisturbed(steps);
  });

  test('before its first step: nothing is written, and --resume begins', async () => {
    await place.write('spec.json', smallSpec());
    const stop = AbortSignal.abort();
    const { code, err } = await place.call(RUN, {}, { stop });
    expect([code, err]).toEqual([EXIT.interrupted, ['Interrupted before anything was trained.']]);
    expect(await readdir(place.path('out'))).toEqual([]);
    const resumed = await place.call([...RUN, '--resume']);
    expect([resumed.code, resumed.err[0]]).toEqual([EXIT.done, 'out holds no checkpoint yet: the run begins.']);
  });

  test('while images are loaded: at once', async () => {
    await place.write('spec.json', smallSpec());
    const stop = new AbortController();
    const openData: Surroundings['openData'] = () => {
      setTimeout(() => stop.abort(), 20);
      return new Promise(() => undefined);
    };
    const called = place.call(RUN, {}, { stop: stop.signal, openData });
    expect((await called).code).toBe(EXIT.interrupted);
  });
});

describe('a process that dies', () => {
  /** Leaves what a process that died after a checkpoint at a step leaves; returns the step. */
  async function died(after: 'checkpoint' | 'journal'): Promise<number> {
    const files = new Map<string, Buffer>();
    let copied = -1;
    // At each loss the files of the last checkpoint are whole; what is copied at step 15 is what a kill would have left.
    const lossAt = (at: number, loss: number): number => {
      if (at === 15 && copied < 0) {
        copied = at;
        for (const name of ['checkpoint.bin', 'events.jsonl']) files.set(name, readNow(place.path('out', name)));
      }
      return loss;
    };
    await place.call([...RUN, '--checkpoint-every', '0'], { lossAt });
    await rm(place.path('out/result.json'));
    for (const [name, content] of files) await writeFile(place.path('out', name), content);
    const { step } = (await checkpointIn('out')).trainer;
    if (after === 'journal') {
      // It had told more and marked a checkpoint that never came to stand in place; the last line is torn.
      const more = [
        { kind: 'step', step: step + 1, trainLoss: 7 },
        { checkpoint: 'f'.repeat(64), step: step + 1, seconds: 1 },
      ];
      const text = more.map((line) => `${JSON.stringify(line)}\n`).join('');
      await writeFile(place.path('out/events.jsonl'), `${text}{"kind":"st`, { flag: 'a' });
    }
    return step;
  }

  test.each(['checkpoint', 'journal'] as const)('after it wrote its %s loses nothing before it', async (after) => {
    await place.write('spec.json', smallSpec());
    await place.call(WHOLE);
    const step = await died(after);
    expect(step).toBeGreaterThan(7);
    expect(step).toBeLessThan(16);
    expect((await place.call([...RUN, '--resume'])).code).toBe(EXIT.done);
    await expectUndisturbed([step]);
  });

  test('between its last checkpoint and its result: only the result is written', async () => {
    await place.write('spec.json', smallSpec());
    await place.call(WHOLE);
    await place.call(RUN);
    const [checkpoint, result] = [await readFile(place.path('out/checkpoint.bin')), await place.result('out')];
    // The journal of a finished run is put together again from a run that keeps it: one that fails at its end.
    await place.call([...RUN, '--checkpoint-every', '0'], { failAt: 22 });
    const copied = await readFile(place.path('out/events.jsonl'));
    const digest = sha256(checkpoint);
    const told = copied
      .toString()
      .split('\n')
      .filter((line) => line.includes('"kind"') && !line.includes('"error"'));
    const end = result.events.filter((event) => event.kind === 'finish');
    const rest = [
      ...told,
      ...end.map((event) => JSON.stringify(event)),
      JSON.stringify({ checkpoint: digest, step: 23, seconds: 9 }),
    ];
    await writeFile(place.path('out/events.jsonl'), `${rest.join('\n')}\n`);
    await writeFile(place.path('out/checkpoint.bin'), checkpoint);
    await rm(place.path('out/result.json'));
    const { code } = await place.call([...RUN, '--resume'], { failAt: 0 });
    expect(code).toBe(EXIT.done);
    expect((await place.result('out')).wallSeconds).toBeGreaterThan(9);
    expect((await place.result('out')).final.latencyMs).toEqual(result.final.latencyMs);
  });
});

test('a run that failed midway goes on from its last checkpoint', async () => {
  await place.write('spec.json', smallSpec());
  await place.call(WHOLE);
  expect((await place.call([...RUN, '--checkpoint-every', '0'], { failAt: 13 })).code).toBe(EXIT.failed);
  const { step } = (await checkpointIn('out')).trainer;
  expect((await place.call([...RUN, '--resume'])).code).toBe(EXIT.done);
  await expectUndisturbed([step]);
});

test('checkpoints come after so many seconds, not at every step', async () => {
  await place.write('spec.json', smallSpec());
  let marks = 0;
  const lossAt = (at: number, loss: number): number => {
    if (at === 22)
      marks = (
        readNow(place.path('out/events.jsonl'))
          .toString()
          .match(/"checkpoint"/g) ?? []
      ).length;
    return loss;
  };
  await place.call([...RUN, '--checkpoint-every', '0'], { lossAt });
  expect(marks).toBeGreaterThan(5);
  await place.call(RUN, { failAt: 22 });
  // Nothing was old enough to be kept.
  expect((await readdir(place.path('out'))).toSorted()).toEqual(['result.json']);
});

describe('--resume', () => {
  test('of a finished run says so, prints its result and touches nothing', async () => {
    await place.write('spec.json', smallSpec());
    const first = await place.call([...RUN, '--json']);
    const before = await place.read('out/result.json');
    const again = await place.call([...RUN, '--json', '--resume'], { failAt: 0 });
    expect(again.code).toBe(EXIT.done);
    expect(again.out).toBe(first.out);
    expect(again.err).toEqual(['out holds the result of this spec already: nothing is left to do.']);
    expect(await place.read('out/result.json')).toBe(before);
  });

  test.each([false, true])('of another spec is refused with the keys that differ (finished: %s)', async (finished) => {
    await place.write('spec.json', smallSpec());
    const { stop, engine } = stoppedAt(9);
    await place.call(RUN, engine, finished ? {} : { stop });
    const before = await readFile(place.path('out/checkpoint.bin'));
    await place.write('spec.json', smallSpec({ seed: 6, train: smallTraining({ learningRate: 0.02 }) }));
    const { code, err } = await place.call([...RUN, '--resume']);
    expect([code, err]).toEqual([
      EXIT.badInput,
      [
        '--resume: out holds a run of another spec, which differs in seed (there 5, asked for 6), train.learningRate (there 0.05, asked for 0.02).',
      ],
    ]);
    expect(await readFile(place.path('out/checkpoint.bin'))).toEqual(before);
  });

  test('from a damaged checkpoint, or one without its history, is refused; a run without --resume begins anew', async () => {
    await place.write('spec.json', smallSpec());
    const { stop, engine } = stoppedAt(9);
    await place.call(RUN, engine, { stop });
    const events = await place.read('out/events.jsonl');
    await rm(place.path('out/events.jsonl'));
    expect((await place.call([...RUN, '--resume'])).err).toEqual([
      expect.stringMatching(/^--resume: .*checkpoint\.bin has no events\.jsonl beside it/),
    ]);
    await writeFile(place.path('out/events.jsonl'), events);
    await truncate(place.path('out/checkpoint.bin'), 999);
    const { code, err } = await place.call([...RUN, '--resume']);
    expect([code, err.length]).toEqual([EXIT.badInput, 1]);
    expect(err[0]).toMatch(/do not belong together/);
    expect((await place.call(RUN)).code).toBe(EXIT.done);
  });

  test('on another adapter goes on and says so, in the history as well', async () => {
    await place.write('spec.json', smallSpec());
    const { stop, engine } = stoppedAt(9);
    await place.call(RUN, engine, { stop });
    const other = quadraticEngine();
    const info = { ...other.info, adapter: { ...other.info.adapter, description: 'another one' } };
    const { code, err } = await place.call(
      [...RUN, '--resume'],
      {},
      { openEngine: async () => ({ engine: { ...other, info } }) },
    );
    expect(code).toBe(EXIT.done);
    const told = /^Resumed at step \d+ on another one, where its bits may differ: until here it ran on a quadratic\.$/;
    expect(err).toContainEqual(expect.stringMatching(told));
    const { events } = await place.result('out');
    expect(events).toContainEqual(expect.objectContaining({ kind: 'note', message: expect.stringMatching(told) }));
  });

  test('asks for the backend that the run began on', async () => {
    await place.write('spec.json', smallSpec());
    const { stop, engine } = stoppedAt(9);
    const asked: unknown[] = [];
    const openEngine: Surroundings['openEngine'] = async (backend) => {
      asked.push(backend);
      return { engine: quadraticEngine(engine) };
    };
    await place.call(RUN, {}, { stop, openEngine });
    await place.call([...RUN, '--resume'], {}, { openEngine });
    expect(asked).toEqual([undefined, 'tfjs']);
  });
});

test('on the real network: stopped in the middle, every parameter and momentum ends with the same bits', async () => {
  await place.write('spec.json', TINY);
  expect((await place.call(WHOLE, {}, realSurroundings())).code).toBe(EXIT.done);
  const stop = new AbortController();
  const stopping = realSurroundings((step) => step >= 3 && stop.abort());
  expect((await place.call(RUN, {}, { ...stopping, stop: stop.signal })).code).toBe(EXIT.interrupted);
  const { step } = (await checkpointIn('out')).trainer;
  expect(step).toBeLessThan(6);
  expect((await place.call([...RUN, '--resume'], {}, realSurroundings())).code).toBe(EXIT.done);
  const [ours, theirs] = [await checkpointIn('out'), await checkpointIn('whole')];
  expect(ours.trainer.parameters.size).toBeGreaterThan(10);
  expect(ours.trainer).toEqual(theirs.trainer);
  expect((await place.result('out')).history).toEqual((await place.result('whole')).history);
});
