import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { decodeCheckpoint } from '../src/lab/checkpoint.ts';
import { smallSpec } from '../src/lab/testing.ts';
import { EXIT } from './around.ts';
import { modelOfCheckpoint } from './model.ts';
import { TINY, Workplace, realSurroundings, stoppedAt } from './testing.ts';

const place = new Workplace();
beforeAll(async () => {
  await place.write('spec.json', smallSpec());
  await place.call(['run', 'spec.json', '--out', 'run']);
});
afterAll(() => place.remove());

test('safetensors: the file holds the kept channels of the checkpoint, the snippet goes to stdout', async () => {
  const { code, out, err } = await place.call(['export', 'run', '--format', 'safetensors', '--out', 'files']);
  expect(code).toBe(EXIT.done);
  expect(err).toEqual(['Written: files/convnet-micro.safetensors']);
  expect(out).toMatch(/^# pip install numpy safetensors\nimport json\n/);
  // Read by the format's own rules: length, JSON, floats.
  const bytes = await readFile(place.path('files/convnet-micro.safetensors'));
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
  const { final } = await place.result('run');
  expect(header['conv3/kernel'].shape).toEqual([3, 3, final.widths['conv2'], final.widths['conv3']]);
  const { trainer } = await decodeCheckpoint(new Uint8Array(await readFile(place.path('run/checkpoint.bin'))));
  const [begin] = header['conv1/kernel'].data_offsets as [number];
  const kept = trainer.structure.channels['conv1'] ?? [];
  const kernel = trainer.parameters.get('conv1/kernel');
  const full = (kernel?.length ?? 0) / 27;
  kept.forEach((channel, i) => {
    const value = bytes.readFloatLE(8 + length + begin + 4 * (5 * kept.length + i));
    expect(value).toBe(kernel?.[5 * full + channel]);
  });
});

test.each([
  ['onnx', ['convnet-micro.onnx'], /onnxruntime/],
  ['tfjs', ['model.json', 'weights.bin'], /loadLayersModel/],
] as const)('%s: its files, and as JSON what was written', async (format, names, code) => {
  const { out } = await place.call(['export', 'run', '--format', format, '--out', format, '--json']);
  const { files, snippet } = JSON.parse(out);
  expect(files.map((file: string) => file.replace(`${format}/`, '')).toSorted()).toEqual([...names]);
  expect(snippet.code).toMatch(code);
  expect((await readdir(place.path(format))).toSorted()).toEqual([...names]);
});

test('an interrupted run can be exported', async () => {
  const { stop, engine } = stoppedAt(9);
  await place.call(['run', 'spec.json', '--out', 'stopped'], engine, { stop });
  expect((await place.call(['export', 'stopped', '--format', 'onnx', '--out', 'early'])).code).toBe(EXIT.done);
});

test('kernels that a stage has quantised are exported as they are computed with', async () => {
  const stages = [{ at: 2, granularity: 'map', choose: 'magnitude' }];
  await place.write('fixed.json', { ...TINY, scheme: { id: 'structured-sparsity', stages, bits: '8' } });
  const { code, err } = await place.call(['run', 'fixed.json', '--out', 'fixed'], {}, realSurroundings());
  expect([code, err.filter((line) => line.startsWith('scheme'))]).toEqual([EXIT.done, []]);
  const { quantisers } = modelOfCheckpoint(
    await decodeCheckpoint(new Uint8Array(await readFile(place.path('fixed/checkpoint.bin')))),
  );
  expect(quantisers?.size).toBeGreaterThan(0);
});

test.each([
  [['export', 'run', '--out', 'x'], /^--format: a format is missing; use one of onnx, tfjs, safetensors\.$/],
  [['export', 'run', '--format', 'pt', '--out', 'x'], /^--format: "pt" is not accepted; use one of onnx/],
  [['export', '--format', 'onnx', '--out', 'x'], /^export: the folder of a run is missing/],
  [['export', 'none', '--format', 'onnx', '--out', 'x'], /^none holds no checkpoint\.bin/],
])('bad input: %j', async (argv, sentence) => {
  expect(await place.call(argv)).toEqual({ code: EXIT.badInput, out: '', err: [expect.stringMatching(sentence)] });
});
