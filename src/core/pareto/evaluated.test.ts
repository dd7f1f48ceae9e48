import { expect, test } from 'vitest';
import { SCHEMES } from '../../schemes/index.ts';
import type { RunEvent, StartEvent } from '../events/events.ts';
import { emptyView, fold } from '../events/view.ts';
import {
  type Structure,
  buildNetwork,
  bytesOf,
  countNetwork,
  countStructure,
  denseStructure,
} from '../network/index.ts';
import { parseSpec } from '../spec/parse.ts';
import { Evaluations } from './evaluated.ts';

const parsed = parseSpec(
  { version: 1, model: { id: 'convnet-micro' }, train: { batchSize: 20 }, scheme: { id: 'dense' } },
  SCHEMES,
);
if (!parsed.ok) throw new Error('The spec was refused.');
const network = buildNetwork('convnet-micro');
const dense = denseStructure(network);
const { macs, parameters } = countNetwork(network);
const small: Structure = { channels: { ...dense.channels, conv2: [0, 2], conv4: [1, 2, 3] } };

const start: StartEvent = {
  kind: 'start',
  step: 0,
  spec: parsed.spec,
  steps: 9,
  stepsPerEpoch: 9,
  adapter: { backend: 'tfjs', vendor: '', architecture: '', description: '' },
  dense: { macs, parameters, widths: {} },
  prunable: [],
};
const step = (at: number, milliseconds: number): RunEvent => ({
  kind: 'step',
  step: at,
  epoch: 1,
  trainLoss: 1,
  trainAccuracy: 0.5,
  learningRate: 0.1,
  milliseconds,
});
const evaluate = (at: number, testAccuracy: number): RunEvent => ({
  kind: 'evaluate',
  step: at,
  testLoss: 1,
  testAccuracy,
  images: 100,
});
const structured = (at: number, structure: Structure): RunEvent => {
  const { macs: multiplyAdds, parameters: weights } = countStructure(network, structure);
  const counts = { macs: multiplyAdds, parameters: weights };
  return { kind: 'structure', step: at, structure, widths: {}, ...counts, reasons: [], milliseconds: 1 };
};

test('an evaluation costs what the structure of its step does; its speed is that of the steps with that structure', () => {
  const view = emptyView();
  const evaluations = new Evaluations();
  fold(view, [start, step(1, 40), step(2, 40), evaluate(2, 0.3)]);
  const first = evaluations.of(view);
  expect(first).toEqual([
    {
      step: 2,
      accuracy: 0.3,
      structure: dense,
      key: first[0]?.key,
      macs,
      parameters,
      bytes: bytesOf(network, dense),
      // 20 images in 40 ms.
      imagesPerSecond: 500,
    },
  ]);

  // Pruned at the step of an evaluation: no step has been made with what it leaves.
  fold(view, [step(3, 40), structured(3, small), evaluate(3, 0.25)]);
  const counts = countStructure(network, small);
  expect(evaluations.of(view)[1]).toMatchObject({ step: 3, ...pick(counts), imagesPerSecond: null });
  fold(view, [step(4, 10), step(5, 100), step(6, 10), evaluate(6, 0.4)]);
  expect(evaluations.of(view).map(({ imagesPerSecond }) => Math.round(imagesPerSecond ?? 0))).toEqual([
    500, 2_000, 2_000,
  ]);
  expect(new Set(evaluations.of(view).map(({ key }) => key)).size).toBe(2);
});

test('what the run went back over is forgotten, and half a batch makes half the images', () => {
  const view = emptyView();
  const evaluations = new Evaluations();
  fold(view, [start, step(1, 40), evaluate(1, 0.3), step(2, 40), structured(2, small), evaluate(2, 0.35)]);
  expect(evaluations.of(view)).toHaveLength(2);
  const halved = { kind: 'batchHalved', step: 1, from: 20, to: 10, steps: 18, stepsPerEpoch: 18, message: '' } as const;
  fold(view, [halved, step(2, 10), step(3, 10), step(4, 10), evaluate(4, 0.5)]);
  expect(evaluations.of(view).map((one) => [one.step, one.macs, one.imagesPerSecond])).toEqual([
    [1, macs, 1_000],
    [4, macs, 1_000],
  ]);
});

const pick = ({ macs: m, parameters: p }: { macs: number; parameters: number }) => ({ macs: m, parameters: p });
