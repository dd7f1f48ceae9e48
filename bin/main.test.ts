import { readFile, readdir } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { quadraticEngine, smallSpec } from '../src/lab/testing.ts';
import { EXIT } from './around.ts';
import { COMMANDS } from './main.ts';
import { Workplace } from './testing.ts';

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const call: Workplace['call'] = (...args) => place.call(...args);
const writeSpec = (spec: unknown) => place.write('spec.json', spec);
const result = () => place.result('out');
const RUN = ['run', 'spec.json', '--out', 'out'];

describe('run', () => {
  test('writes the result and the checkpoint, relative to the caller, and nothing else', async () => {
    await writeSpec(smallSpec());
    const { code, out, err } = await call(RUN);
    expect(code).toBe(EXIT.done);
    expect((await readdir(place.path('out'))).toSorted()).toEqual(['checkpoint.bin', 'result.json']);
    const { spec, adapter, history, events, final, wallSeconds } = await result();
    expect(wallSeconds).toBeGreaterThan(0);
    expect(spec).toEqual(smallSpec());
    expect(adapter).toEqual({ backend: 'tfjs', vendor: 'test', architecture: 'quadratic', description: 'a quadratic' });
    expect(history.at(-1)).toMatchObject({
      step: 23,
      widths: final.widths,
      macs: final.macs,
      parameters: final.parameters,
    });
    expect(history.map(({ step }) => step)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
    expect(events.some(({ kind }) => kind === 'regrow')).toBe(true);
    const widths: number[] = Object.values(final.widths);
    expect(widths.reduce((a, b) => a + b)).toBe(36);
    expect(final.dense.parameters).toBe(3 * 9 * 8 + 8 * 9 * 16 + 16 * 9 * 16 + 16 * 9 * 32 + 320);
    expect(final.latencyMs.map(({ batch }) => batch)).toEqual([1, 64]);

    const checkpoint = await decodeCheckpoint(new Uint8Array(await readFile(place.path('out/checkpoint.bin'))));
    expect(checkpoint.trainer.step).toBe(23);
    expect(out).toContain('test accuracy 50.0 %');
    expect(err.at(-1)).toMatch(/^step 23 of 23, loss .*, 0 s left$/);
  });

  test('--json prints the final block and nothing else on stdout', async () => {
    await writeSpec(smallSpec());
    const { out } = await call([...RUN, '--json']);
    expect(JSON.parse(out)).toEqual((await result()).final);
  });

  test('a diverged run: code 4, its result is written, no checkpoint stays', async () => {
    await writeSpec(smallSpec());
    await call(RUN);
    const { code, err } = await call(RUN, { lossAt: (step) => (step === 5 ? Infinity : 1) });
    expect(code).toBe(EXIT.diverged);
    expect(err.at(-1)).toMatch(/diverged at step 6.*half the learning rate/);
    const { history, events } = await result();
    expect(history.length).toBe(5);
    expect(events.at(-1)).toMatchObject({ kind: 'diverged', step: 6 });
    expect(await readdir(place.path('out'))).toEqual(['result.json']);
  });

  test('an engine that fails midway: code 1, its sentence, the history so far', async () => {
    await writeSpec(smallSpec());
    const { code, err } = await call(RUN, { failAt: 9 });
    expect([code, err.at(-1)]).toEqual([EXIT.failed, 'the quadratic failed']);
    expect((await result()).history.length).toBeGreaterThan(0);
  });

  test('no adapter: code 3 when webgpu was asked for', async () => {
    await writeSpec(smallSpec());
    const openEngine = () => Promise.reject(new Error('There is no adapter.'));
    expect(await call([...RUN, '--backend', 'webgpu'], {}, { openEngine })).toEqual({
      code: 3,
      out: '',
      err: ['There is no adapter.'],
    });
    expect((await call(RUN, {}, { openEngine })).code).toBe(EXIT.failed);
  });

  test('a slower engine is said on stderr, once', async () => {
    await writeSpec(smallSpec());
    const openEngine = async () => ({ engine: quadraticEngine(), reason: 'No adapter; TensorFlow.js instead.' });
    const { code, err } = await call(RUN, {}, { openEngine });
    expect(code).toBe(0);
    expect(err.filter((line) => line === 'No adapter; TensorFlow.js instead.').length).toBe(1);
  });

  test('missing data: the sentence, code 1', async () => {
    await writeSpec(smallSpec());
    const openData = () => Promise.reject(new Error('The data file manifest.json is missing.'));
    expect(await call(RUN, {}, { openData })).toEqual({
      code: 1,
      out: '',
      err: ['The data file manifest.json is missing.'],
    });
  });
});

describe('bad input: code 2, one line a problem, nothing on stdout, nothing written', () => {
  const refused = async (argv: readonly string[]): Promise<readonly string[]> => {
    const { code, out, err } = await call(argv);
    expect([code, out]).toEqual([EXIT.badInput, '']);
    expect(await readdir(place.folder)).not.toContain('out');
    return err;
  };

  test.each([
    [[], [/command is missing: use run, race, sweep, export, report, check, bench/]],
    [['rcae', 'spec.json', '--out', 'out'], [/"rcae" is no command; did you mean race\?/]],
    [['run', '--out', 'out'], [/spec file is missing/]],
    [['run', 'spec.json'], [/--out/]],
    [['run', 'a.json', 'b.json', '--out', 'out'], [/"b.json" is too much/]],
    [[...RUN, '--backend', 'cuda'], [/--backend: "cuda".*webgpu or tfjs/]],
    [[...RUN, '--fast'], [/--fast: run has no such option; run --help/]],
    [
      [...RUN, '--backedn', 'tfjs', '-x'],
      [/--backedn.*did you mean --backend\?/, /^-x/],
    ],
    [['run', 'spec.json', '--out', '--json'], [/--out: its value is missing/]],
    [[...RUN, '--json=yes'], [/--json takes no value/]],
    [[...RUN, '--out', 'other'], [/--out is given twice/]],
    [[...RUN, '--checkpoint-every', '-1'], [/--checkpoint-every: its value is missing/]],
    [[...RUN, '--checkpoint-every', 'soon'], [/--checkpoint-every: "soon".*a number from 0/]],
    [['run', 'none.json', '--out', 'out'], [/none\.json: there is no such file/]],
  ])('%j', async (argv, expected) => {
    expect(await refused(argv)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
  });

  test('a spec that is no JSON', async () => {
    await writeSpec('{ version: 1');
    expect(await refused(RUN)).toEqual([expect.stringMatching(/^spec\.json: this is not JSON/)]);
  });

  test('every wrong key has its line', async () => {
    const spec = smallSpec();
    await writeSpec({ ...spec, sede: 1, train: { ...spec.train, batchSize: 0 } });
    const err = await refused(RUN);
    expect(err.length).toBe(2);
    expect(err.join('\n')).toMatch(/sede/);
    expect(err.join('\n')).toMatch(/train\.batchSize/);
  });

  test('a budget that no structure can meet', async () => {
    const { scheme, ...rest } = smallSpec();
    await writeSpec({ ...rest, scheme: { ...scheme, budget: { kind: 'channels', keep: 0.01 } } });
    expect((await refused(RUN)).join('\n')).toMatch(/budget/);
  });

  test('--out names a file', async () => {
    await writeSpec(smallSpec());
    await place.write('taken', '');
    expect(await refused(['run', 'spec.json', '--out', 'taken'])).toEqual([expect.stringMatching(/^--out: taken/)]);
  });
});

describe('help, on stdout', () => {
  test('of all commands', async () => {
    const { code, out, err } = await call(['--help']);
    expect([code, err]).toEqual([0, []]);
    expect(out).toContain('run spec.json --out dir');
    expect(await call(['help'])).toEqual({ code, out, err });
    for (const { summary } of COMMANDS) expect(out).toContain(summary);
  });

  test.each(COMMANDS.map(({ name }) => name))('of %s: every option, with examples', async (name) => {
    const { code, out, err } = await call(['help', name]);
    expect([code, err]).toEqual([0, []]);
    expect((await call([name, 'x', '--help'])).out).toBe(out);
    const command = COMMANDS.find((one) => one.name === name);
    for (const option of Object.keys(command?.options ?? {})) expect(out).toContain(`--${option}`);
    expect(out).toContain(`espalier -- ${name} `);
  });

  test('of no command: what there is', async () => {
    expect(await call(['help', 'swep'])).toMatchObject({ code: 2, err: [expect.stringMatching(/did you mean sweep/)] });
  });
});
