import { describe, expect, test } from 'vitest';
import type { RunEvent } from '../core/events/events.ts';
import { emptyView, fold } from '../core/events/view.ts';
import { buildNetwork, countStructure, denseStructure, initialParameters } from '../core/network/index.ts';
import { parseSpec } from '../core/spec/parse.ts';
import { SCHEMES } from '../schemes/index.ts';
import { nameOfRuns, writeNetwork, writeResults } from './export.ts';
import type { Lab } from './store.ts';

const parsed = parseSpec({ version: 1, name: 'A', model: { id: 'convnet-micro' }, scheme: { id: 'dense' } }, SCHEMES);
if (!parsed.ok) throw new Error('The spec was refused.');
const { spec } = parsed;
const network = buildNetwork('convnet-micro');
const dense = { ...countStructure(network, denseStructure(network)), widths: { conv1: 8 } };
const start: RunEvent = {
  kind: 'start',
  step: 0,
  spec,
  steps: 2,
  stepsPerEpoch: 1,
  adapter: { backend: 'tfjs', vendor: 'v', architecture: 'a', description: 'd' },
  dense,
  prunable: [],
};
const step: RunEvent = {
  kind: 'step',
  step: 1,
  epoch: 1,
  trainLoss: 2,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds: 1,
};
const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);
const named = (name: string, run = 1) => ({ run, spec: { ...spec, name } });

describe('results', () => {
  const lab: Pick<Lab, 'events'> = { events: () => [start, step] };

  test('carry the names that the runs have now, not those they were opened with', () => {
    const json = writeResults(lab, [named('Renamed')], 'json');
    expect(json.files.map(({ name }) => name)).toEqual(['Renamed.json']);
    expect(JSON.parse(text(json.files[0]?.bytes))).toMatchObject({ spec: { name: 'Renamed', seed: spec.seed } });
    const csv = writeResults(lab, [named('B'), named('C', 2)], 'csv');
    expect(csv.files[0]?.name).toBe('race-B-and-1-more.csv');
    expect(text(csv.files[0]?.bytes).split('\r\n').slice(1)).toEqual([
      expect.stringMatching(/^B,1,1,2,0.5,,,/),
      expect.stringMatching(/^C,1,1,2,0.5,,,/),
      '',
    ]);
  });

  test('of nothing are refused', () => {
    expect(() => writeResults(lab, [], 'csv')).toThrow('No run in sight has a history yet.');
    expect(nameOfRuns([named('A')])).toBe('A');
  });
});

describe('the network', () => {
  const structure = { channels: { ...denseStructure(network).channels, conv1: [1, 5] } };
  const asked: unknown[] = [];
  const lab = {
    ask: (run: number, question: unknown) => {
      asked.push([run, question]);
      return Promise.resolve({
        step: 7,
        structure,
        network,
        tensors: initialParameters(network, 1),
        quantisers: new Map(),
      });
    },
    live: () => fold(emptyView(), [start]),
  } as unknown as Pick<Lab, 'ask' | 'live'>;

  test('is asked for as it stands, or at the step looked at, and written under the run’s name', async () => {
    const now = await writeNetwork(lab, named('Half: mine', 3), 'onnx');
    await writeNetwork(lab, named('Half: mine', 3), 'tfjs', 40);
    expect(asked).toEqual([
      [3, { kind: 'model' }],
      [3, { kind: 'model', at: 40 }],
    ]);
    expect(now.files.map(({ name }) => name)).toEqual(['Half-mine.onnx']);
    const { macs, parameters } = countStructure(network, structure);
    expect(parameters).toBeLessThan(dense.parameters);
    expect(now.network).toMatchObject({ format: 'ONNX', run: 'Half: mine', step: 7, macs, parameters, dense });
    expect(now.network?.snippet.code).toContain('"Half-mine.onnx"');
  });

  test('that the worker cannot give rejects with its sentence', async () => {
    const refusing = { ...lab, ask: () => Promise.reject(new Error('The run is closed.')) };
    await expect(writeNetwork(refusing as typeof lab, named('A'), 'onnx')).rejects.toThrow('The run is closed.');
  });
});
