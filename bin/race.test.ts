import { readFile, readdir } from 'node:fs/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { smallSpec, smallTraining } from '../src/lab/testing.ts';
import { EXIT } from './around.ts';
import { Workplace, stoppedAt } from './testing.ts';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const CHEX = smallSpec({ name: 'CHEX, half' });
const DENSE = smallSpec({ name: 'Dense', scheme: { id: 'dense' } });
const LONGER = smallSpec({
  name: 'Dense',
  scheme: { id: 'dense' },
  train: smallTraining({ steps: 31, learningRate: 0.02 }),
});
const RACE = ['race', 'a.json', 'b.json', '--out', 'out'];

const checkpointIn = async (folder: string) =>
  decodeCheckpoint(new Uint8Array(await readFile(place.path(folder, 'checkpoint.bin'))));

test('each run has its folder, by its name, and is bit for bit what it is alone', async () => {
  await place.write('a.json', CHEX);
  await place.write('b.json', [DENSE, LONGER]);
  const { code, out } = await place.call(RACE);
  expect(code).toBe(EXIT.done);
  expect((await readdir(place.path('out'))).toSorted()).toEqual(
    ['CHEX-half', 'Dense', 'Dense-2', 'summary.csv', 'summary.json'].toSorted(),
  );
  for (const [spec, directory] of [
    [CHEX, 'CHEX-half'],
    [DENSE, 'Dense'],
    [{ ...LONGER, name: 'Dense (2)' }, 'Dense-2'],
  ] as const) {
    await place.write('alone.json', spec);
    await place.call(['run', 'alone.json', '--out', `alone/${directory}`]);
    expect(await checkpointIn(`out/${directory}`)).toEqual(await checkpointIn(`alone/${directory}`));
    const [raced, alone] = [await place.result('out', directory), await place.result('alone', directory)];
    expect(raced.history).toEqual(alone.history);
    expect(raced.spec).toEqual(alone.spec);
  }
  const { runs } = JSON.parse(await place.read('out/summary.json'));
  const chex = await place.result('out/CHEX-half');
  expect(runs[0]).toMatchObject({
    directory: 'CHEX-half',
    name: 'CHEX, half',
    state: 'done',
    macs: chex.final.macs,
    macsShare: chex.final.macs / chex.final.dense.macs,
    testAccuracy: chex.final.testAccuracy,
    latencyMs64: 1,
  });
  expect(out.split('\n').map((line) => line.split(/\s+/)[0])).toEqual(['run', 'CHEX-half', 'Dense', 'Dense-2', '']);
  // A name with a comma is one cell.
  expect((await place.read('out/summary.csv')).split('\r\n')[1]).toMatch(
    /^CHEX-half,"CHEX, half",done,5,a quadratic,0\.5,/,
  );
});

test('stopped, all runs write a checkpoint; --resume goes on with each, bit for bit', async () => {
  await place.write('a.json', CHEX);
  await place.write('b.json', LONGER);
  await place.call(['race', 'a.json', 'b.json', '--out', 'whole']);
  const { stop, engine } = stoppedAt(9);
  const stopped = await place.call(RACE, engine, { stop });
  expect([stopped.code, stopped.out]).toEqual([EXIT.interrupted, '']);
  const { runs } = JSON.parse(await place.read('out/summary.json'));
  expect(runs.map(({ state }: { state: string }) => state)).toEqual(['unfinished', 'unfinished']);
  expect((await place.call([...RACE, '--resume'])).code).toBe(EXIT.done);
  for (const directory of ['CHEX-half', 'Dense']) {
    expect(await checkpointIn(`out/${directory}`)).toEqual(await checkpointIn(`whole/${directory}`));
  }
  const again = await place.call([...RACE, '--resume', '--json'], { failAt: 0 });
  expect(again.code).toBe(EXIT.done);
  expect(
    again.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).state),
  ).toEqual(['done', 'done']);
});

test('a run that diverges does not stop the others', async () => {
  await place.write('a.json', smallSpec({ name: 'one' }));
  await place.write('b.json', smallSpec({ name: 'two', train: smallTraining({ learningRate: 90, warmup: 0 }) }));
  const { code, err } = await place.call(RACE);
  expect(code).toBe(EXIT.diverged);
  expect(err.at(-1)).toMatch(/^two: .*diverged at step/);
  const { runs } = JSON.parse(await place.read('out/summary.json'));
  expect(runs.map(({ state }: { state: string }) => state)).toEqual(['done', 'diverged']);
});

test('bad input names the file', async () => {
  await place.write('a.json', CHEX);
  await place.write('b.json', [DENSE, { ...DENSE, seed: -1 }]);
  expect(await place.call(RACE)).toMatchObject({
    code: EXIT.badInput,
    err: [expect.stringMatching(/^b\.json\[1\]: seed: must be a whole number from 0/)],
  });
  expect((await place.call(['race', 'a.json', '--out', 'out'])).err).toEqual([
    'race takes 2 to 6 specs, not 1; for one use run, for more sweep.',
  ]);
});
