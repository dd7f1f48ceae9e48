import { readFile, readdir, truncate, writeFile } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { quadraticEngine, smallSpec, smallTraining } from '../src/lab/testing.ts';
import { SCHEMES } from '../src/schemes/index.ts';
import { EXIT } from './around.ts';
import { sweepMembers } from './grid.ts';
import { Workplace, stoppedAt } from './testing.ts';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const base = {
  version: 1,
  model: { id: 'convnet-micro' },
  data: { train: 200, test: 50 },
  train: { steps: 40, batchSize: 20 },
};
const members = (input: unknown) => sweepMembers(input, SCHEMES);

describe('what a sweep expands to', () => {
  test('every combination, later keys changing fastest; folders and names say what was chosen', () => {
    const all = members({
      ...base,
      name: 'grid',
      seed: [1, 2],
      scheme: { id: 'chex', budget: { kind: 'macs', keep: [0.5, 0.25] } },
    });
    expect(all.map(({ spec }) => [spec.seed, spec.scheme.budget, spec.name])).toEqual([
      [1, { kind: 'macs', keep: 0.5 }, 'grid, keep 0.5, seed 1'],
      [1, { kind: 'macs', keep: 0.25 }, 'grid, keep 0.25, seed 1'],
      [2, { kind: 'macs', keep: 0.5 }, 'grid, keep 0.5, seed 2'],
      [2, { kind: 'macs', keep: 0.25 }, 'grid, keep 0.25, seed 2'],
    ]);
    expect(all.map(({ directory }) => directory)).toEqual([
      'keep=0.5_seed=1',
      'keep=0.25_seed=1',
      'keep=0.5_seed=2',
      'keep=0.25_seed=2',
    ]);
    expect(all[1]?.varied).toEqual({ seed: '1', keep: '0.25' });
  });

  test('whole objects can be tried, with lists of their own; they are called by their ids', () => {
    const all = members({
      ...base,
      scheme: [
        { id: 'dense' },
        { id: 'chex', regrow: [0, 0.2] },
        {
          id: 'uniform',
          budget: [
            { kind: 'macs', keep: 0.5 },
            { kind: 'channels', keep: 0.5 },
          ],
        },
      ],
    });
    expect(all.map(({ directory }) => directory)).toEqual([
      'scheme=dense',
      'scheme=chex_regrow=0',
      'scheme=chex_regrow=0.2',
      'scheme=uniform_budget=macs',
      'scheme=uniform_budget=channels',
    ]);
    expect(all.map(({ spec }) => spec.scheme['regrow'])).toEqual([undefined, 0, 0.2, undefined, undefined]);
  });

  test('a list is the value where the key takes one; the marker tries lists', () => {
    const list = members({ ...base, train: { ...base.train, augment: ['crop', 'flip'] }, scheme: { id: 'dense' } });
    expect(list.map(({ spec }) => spec.train.augment)).toEqual([['crop', 'flip']]);
    const tried = members({
      ...base,
      train: { ...base.train, augment: { sweep: [[], ['flip'], ['crop', 'flip']] } },
      scheme: { id: 'dense' },
    });
    expect(tried.map(({ spec, directory }) => [spec.train.augment, directory])).toEqual([
      [[], 'augment=none'],
      [['flip'], 'augment=flip'],
      [['crop', 'flip'], 'augment=crop+flip'],
    ]);
    const marked = members({ ...base, seed: { sweep: [3, 4] }, scheme: { id: 'dense' } });
    expect(marked.map(({ spec }) => spec.seed)).toEqual([3, 4]);
  });

  test('two budgets of one scheme are one value; the stages of a scheme are its own, their keys can be tried', () => {
    const budget = [
      { kind: 'macs', keep: 0.5 },
      { kind: 'parameters', keep: 0.5 },
    ];
    const several = SCHEMES.find(({ severalBudgets }) => severalBudgets)?.id;
    expect(members({ ...base, scheme: { id: several, budget } }).map(({ spec }) => spec.scheme.budget)).toEqual([
      budget,
    ]);
    const stages = [
      { at: 10, granularity: 'map', keep: [0.5, 0.75] },
      { at: 20, granularity: 'stride' },
    ];
    const all = members({ ...base, scheme: { id: 'structured-sparsity', stages } });
    expect(all.map(({ directory }) => directory)).toEqual(['keep=0.5', 'keep=0.75']);
    expect(all.map(({ spec }) => (spec.scheme['stages'] as readonly object[]).length)).toEqual([2, 2]);
    const byHand = members({ ...base, scheme: { id: 'manual', keep: { conv2: [0, 1, 2] } } });
    expect(byHand.map(({ spec }) => spec.scheme['keep'])).toEqual([{ conv2: [0, 1, 2] }]);
  });

  test('a key that ends like another is named with what stands before it', () => {
    const all = members({ ...base, model: { id: ['convnet-micro', 'plain5'] }, scheme: { id: ['dense', 'chex'] } });
    expect(all.map(({ directory }) => directory)).toEqual([
      'model.id=convnet-micro_scheme.id=dense',
      'model.id=convnet-micro_scheme.id=chex',
      'model.id=plain5_scheme.id=dense',
      'model.id=plain5_scheme.id=chex',
    ]);
  });

  test.each([
    [{ ...base, seed: [1, 1], scheme: { id: 'dense' } }, /^The sweep lists a value twice: seed 1\.$/],
    [{ ...base, seed: [], scheme: { id: 'dense' } }, /^seed: the values to try must be a list of at least one/],
    [
      { ...base, seed: [1, -1], scheme: { id: 'dense' } },
      /^seed: must be a whole number from 0 .*not -1 \(with seed -1\)$/,
    ],
    [{ ...base, seed: Array.from({ length: 10_001 }, (_, i) => i), scheme: { id: 'dense' } }, /more than 10000 runs/],
    [[base], /one spec, an object/],
  ])('bad input %#', (input, sentence) => {
    expect(() => members(input)).toThrow(sentence);
  });
});

const SWEEP = ['sweep', 'sweep.json', '--out', 'out'];
const sweepOf = (learningRate: readonly number[]): unknown => ({
  ...smallSpec(),
  name: 'small',
  seed: [1, 2],
  train: { ...smallTraining(), learningRate },
});

describe('sweep', () => {
  test('runs one after another, writes what run writes, and sums up', async () => {
    await place.write('sweep.json', sweepOf([0.05, 0.02]));
    const { code, out } = await place.call(SWEEP);
    expect(code).toBe(EXIT.done);
    const directories = [
      'learningRate=0.05_seed=1',
      'learningRate=0.02_seed=1',
      'learningRate=0.05_seed=2',
      'learningRate=0.02_seed=2',
    ];
    expect((await readdir(place.path('out'))).toSorted()).toEqual(
      [...directories, 'summary.csv', 'summary.json'].toSorted(),
    );
    expect(
      out
        .split('\n')
        .slice(1, -1)
        .map((line) => line.split(/ +/).slice(0, 2)),
    ).toEqual(directories.map((name) => [name, 'done']));
    const { spec } = await place.result('out', directories[1] ?? '');
    await place.write('alone.json', spec);
    await place.call(['run', 'alone.json', '--out', 'alone']);
    const checkpoint = async (folder: string) =>
      decodeCheckpoint(new Uint8Array(await readFile(place.path(folder, 'checkpoint.bin'))));
    expect(await checkpoint(`out/${directories[1]}`)).toEqual(await checkpoint('alone'));
    const csv = (await place.read('out/summary.csv')).split('\r\n');
    expect(csv[0]).toMatch(/^directory,name,state,sweep\.seed,sweep\.learningRate,seed,/);
    expect(csv[2]).toMatch(/^learningRate=0\.02_seed=1,"small, learningRate 0\.02, seed 1",done,1,0\.02,1,/);
  });

  test('called again leaves finished runs alone, mends a torn result, goes on with the interrupted one, begins the rest', async () => {
    await place.write('sweep.json', sweepOf([0.05, 0.02]));
    await place.call([...SWEEP, '--only', '1,2']);
    const [first, second] = ['out/learningRate=0.05_seed=1', 'out/learningRate=0.02_seed=1'];
    const before = await place.read(first, 'result.json');
    await truncate(place.path(second, 'result.json'), 300);
    const { stop, engine } = stoppedAt(9);
    const stopped = await place.call([...SWEEP, '--only', '3'], engine, { stop });
    expect([stopped.code, stopped.out]).toEqual([EXIT.interrupted, '']);
    expect(stopped.err.at(-1)).toMatch(/the same command goes on from it/);

    const began: number[] = [];
    const openEngine = async () => {
      const opened = quadraticEngine();
      return {
        engine: {
          ...opened,
          open: (...args: Parameters<typeof opened.open>) => (began.push(args[3].seed), opened.open(...args)),
        },
      };
    };
    const { code, err } = await place.call(SWEEP, {}, { openEngine });
    expect(code).toBe(EXIT.done);
    expect(began).toEqual([1, 2, 2]);
    expect(err).toContainEqual(
      expect.stringMatching(/^learningRate=0\.02_seed=1: run anew, since .*result\.json is damaged/),
    );
    expect(err).toContainEqual(expect.stringMatching(/^3 of 4, .*: Resumed at step \d+\.$/));
    expect(await place.read(first, 'result.json')).toBe(before);
    const { runs } = JSON.parse(await place.read('out/summary.json'));
    expect(runs.map(({ state }: { state: string }) => state)).toEqual(['done', 'done', 'done', 'done']);
  });

  test('a result of another spec does not count as finished', async () => {
    await place.write('sweep.json', sweepOf([0.05]));
    await place.call(SWEEP);
    await place.write('sweep.json', { ...(sweepOf([0.05]) as object), data: { train: 100, test: 30, holdOut: 10 } });
    const { code, err } = await place.call(SWEEP);
    expect(code).toBe(EXIT.done);
    expect(
      err.filter((line) => /run anew, since it holds a run of another spec, .*data\.train/.test(line)).length,
    ).toBe(2);
    expect((await place.result('out/learningRate=0.05_seed=1')).spec.data.train).toBe(100);
  });

  test('a member that diverges or fails does not stop the others; a failed one is tried again, a diverged one is not', async () => {
    await place.write('sweep.json', sweepOf([90, 0.05]));
    const first = await place.call(SWEEP);
    expect(first.code).toBe(EXIT.diverged);
    const states = async () =>
      JSON.parse(await place.read('out/summary.json')).runs.map(({ state }: { state: string }) => state);
    expect(await states()).toEqual(['diverged', 'done', 'diverged', 'done']);
    const again = await place.call(SWEEP, { failAt: 0 });
    expect([again.code, again.err.at(-1)]).toEqual([EXIT.diverged, '4 runs had finished before.']);

    await place.write('sweep.json', sweepOf([0.03]));
    expect((await place.call(SWEEP, { failAt: 12 })).code).toBe(EXIT.failed);
    expect(await states()).toEqual(['failed', 'failed']);
    expect((await place.call(SWEEP)).code).toBe(EXIT.done);
    expect(await states()).toEqual(['done', 'done']);
  });

  test('--list shows the members, --write makes a file of each that run takes, --part shares them out', async () => {
    await place.write('sweep.json', sweepOf([0.05, 0.02]));
    const { code, out } = await place.call(['sweep', 'sweep.json', '--list']);
    expect(code).toBe(EXIT.done);
    const listed = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(listed.map(({ index }) => index)).toEqual([1, 2, 3, 4]);
    expect(await readdir(place.folder)).toEqual(['sweep.json']);

    const written = await place.call(['sweep', 'sweep.json', '--list', '--write', 'specs', '--part', '2/2']);
    const files = written.out.trim().split('\n');
    expect(files).toEqual([2, 4].map((index) => `specs/${listed[index - 1].directory}.json`));
    expect(JSON.parse(await place.read(files[0] ?? ''))).toEqual(listed[1].spec);
    await place.call(['run', files[0] ?? '', '--out', `out/${listed[1].directory}`]);

    // The other half, as another machine would run it; what the first made counts.
    expect((await place.call([...SWEEP, '--part', '1/2'])).code).toBe(EXIT.done);
    const { runs } = JSON.parse(await place.read('out/summary.json'));
    expect(runs.map(({ state }: { state: string }) => state)).toEqual(['done', 'done', 'done', 'not begun']);
    const json = await place.call([...SWEEP, '--json']);
    expect(
      json.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).directory),
    ).toEqual(listed.map(({ directory }) => directory));
  });

  test('no adapter: code 3 at once', async () => {
    await place.write('sweep.json', sweepOf([0.05]));
    const openEngine = () => Promise.reject(new Error('There is no adapter.'));
    const { code, err } = await place.call([...SWEEP, '--backend', 'webgpu'], {}, { openEngine });
    expect([code, err]).toEqual([EXIT.noAdapter, ['There is no adapter.']]);
  });

  test('a member that needs shader-f16 where there is none fails alone; run says it with code 3', async () => {
    const train = smallTraining({ storage: 'f16' });
    const engine = quadraticEngine();
    const openEngine = async () => ({
      engine: {
        ...engine,
        open: async (...args: Parameters<typeof engine.open>) => {
          if (args[3].storage === 'f16') throw new Error('train.storage: the quadratic does not offer shader-f16.');
          return engine.open(...args);
        },
      },
    });
    await place.write('spec.json', smallSpec({ train }));
    expect((await place.call(['run', 'spec.json', '--out', 'one'], {}, { openEngine })).code).toBe(EXIT.noAdapter);
    await place.write('sweep.json', { ...smallSpec(), train: { ...train, storage: ['f16', 'f32'] } });
    expect((await place.call(SWEEP, {}, { openEngine })).code).toBe(EXIT.failed);
    const { runs } = JSON.parse(await place.read('out/summary.json'));
    expect(runs).toMatchObject([{ state: 'failed', message: expect.stringMatching(/shader-f16/) }, { state: 'done' }]);
  });

  test.each([
    [['sweep', 'sweep.json'], /^--out/],
    [['sweep', '--out', 'out'], /^sweep: the file is missing/],
    [[...SWEEP, '--only', '9'], /^--only: "9" .* from 1 to 2/],
    [[...SWEEP, '--only', 'x'], /^--only: "x"/],
    [[...SWEEP, '--part', '3/2'], /^--part: "3\/2" .*i\/n/],
    [[...SWEEP, '--part', '1/2', '--only', '1'], /exclude each other/],
    [[...SWEEP, '--write', 'specs'], /--write goes with --list/],
  ])('bad input: %j', async (argv, sentence) => {
    await place.write('sweep.json', sweepOf([0.05]));
    const { code, out, err } = await place.call(argv);
    expect([code, out, err]).toEqual([EXIT.badInput, '', [expect.stringMatching(sentence)]]);
    expect(await readdir(place.folder)).toEqual(['sweep.json']);
  });

  test('a member that its scheme cannot meet is bad input, before anything is run', async () => {
    await writeFile(
      place.path('sweep.json'),
      JSON.stringify({
        ...smallSpec(),
        scheme: { ...smallSpec().scheme, budget: { kind: 'channels', keep: [0.5, 0.01] } },
      }),
    );
    const { code, err } = await place.call(SWEEP);
    expect([code, err.length]).toEqual([EXIT.badInput, 1]);
    expect(err[0]).toMatch(/keep[ =]0\.01/);
  });
});
