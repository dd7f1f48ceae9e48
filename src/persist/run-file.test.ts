import { unzipSync } from 'fflate';
import { expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { type Network, countNetwork, widthsOf } from '../core/network/index.ts';
import { modelOf } from '../core/spec/network.ts';
import { SCHEMES } from '../schemes/index.ts';
import { type RunFile, readRunFile, writeRunFile } from './run-file.ts';
import { bytesOf, note, specOf, stepEvent } from './testing.ts';
import { ZipReader, crc32, writeZip } from './zip.ts';

const spec = specOf('Kept', SCHEMES);
const network: Network = modelOf(spec);
const { macs, parameters } = countNetwork(network);
const adapter = { backend: 'tfjs', vendor: 'v', architecture: 'a', description: 'd' } as const;
const dense = { macs, parameters, widths: widthsOf(network) };
const start: RunEvent = { kind: 'start', step: 0, spec, steps: 60, stepsPerEpoch: 765, adapter, dense, prunable: [] };
const file: RunFile = {
  spec,
  state: 'paused',
  events: [
    start,
    stepEvent(1),
    stepEvent(2, NaN),
    note(2, 'A note: “ünïcode”, <b>no markup</b>\nand lines.'),
    stepEvent(3),
  ],
  checkpoint: { step: 2, events: 3, bytes: bytesOf(3) },
};

test('what was written is read back, to the last bit of a loss that is not a number', async () => {
  const bytes = await writeRunFile(file);
  expect(await readRunFile(bytes, SCHEMES)).toEqual(file);
  const none = { ...file, checkpoint: null, state: 'error' as const };
  expect(await readRunFile(await writeRunFile(none), SCHEMES)).toEqual(none);
  // From any place in memory.
  const shifted = new Uint8Array(bytes.length + 7);
  shifted.set(bytes, 7);
  expect(await readRunFile(shifted.subarray(7), SCHEMES)).toEqual(file);
});

test('equal runs give equal bytes, whatever the time', async () => {
  const bytes = await writeRunFile(file);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await writeRunFile(structuredClone(file))).toEqual(bytes);
});

test('any unzip program opens it, and finds the spec, the events a line each, and the checkpoint', async () => {
  const files = unzipSync(await writeRunFile(file));
  const text = (name: string): string => new TextDecoder().decode(files[name]);
  expect(Object.keys(files)).toEqual(['README.txt', 'manifest.json', 'spec.json', 'events.jsonl', 'checkpoint.bin']);
  expect(JSON.parse(text('spec.json'))).toEqual(spec);
  const lines = text('events.jsonl').trimEnd().split('\n');
  expect(lines).toHaveLength(5);
  expect(JSON.parse(lines[2] ?? '')).toMatchObject({ kind: 'step', step: 2, trainLoss: { $number: 'NaN' } });
  expect(files['checkpoint.bin']).toEqual(bytesOf(3));
  expect(JSON.parse(text('manifest.json'))).toMatchObject({
    format: 1,
    name: 'Kept',
    state: 'paused',
    step: 3,
    steps: 60,
    events: 5,
    checkpoint: { step: 2, events: 3 },
  });
});

test('a run that was renamed, or whose batch was halved, is the same run; one of another seed is not', async () => {
  const renamed = { ...file, spec: { ...spec, name: 'Renamed', train: { ...spec.train, batchSize: 32 } } };
  expect(await readRunFile(await writeRunFile(renamed), SCHEMES)).toEqual(renamed);
  const other = { ...file, spec: { ...spec, seed: 2 } };
  await expect(readRunFile(await writeRunFile(other), SCHEMES)).rejects.toThrow(/spec and its events are of different/);
});

test('a run without a history is not written', async () => {
  await expect(writeRunFile({ ...file, events: [] })).rejects.toThrow('This run has no history yet. Train it first.');
});

test('the check sum is that of zip', () => {
  // The check value of CRC-32/ISO-HDLC.
  expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
});

test('a zip is read as unzip programs do, stored or deflated, empty files too', () => {
  const files = new Map([
    ['a', bytesOf(1, 0)],
    ['b', bytesOf(2, 100_000)],
    ['c', bytesOf(3, 10)],
  ]);
  const reader = new ZipReader(writeZip(files, ['c']), ['a', 'b', 'c', 'd']);
  for (const [name, bytes] of files) expect(reader.read(name, 100_000)).toEqual(bytes);
  expect(() => reader.read('b', 99_999)).toThrow('b is larger than that of any run (99999 bytes)');
  expect(() => reader.read('d', 1)).toThrow('d is missing');
});
