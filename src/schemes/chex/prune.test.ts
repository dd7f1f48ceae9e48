import { expect, test } from 'vitest';
import { type Structure, buildNetwork, denseStructure } from '../../core/network/index.ts';
import { type ChexLayer, prunableLayers } from './layers.ts';
import { selectChannels } from './prune.ts';

/** conv1 has 4 channels here, fan-in 27; conv2 8 channels, fan-in 36. */
const network = buildNetwork('convnet-micro', 0.5);
const layers = prunableLayers(network);
const layerAt = (index: number): ChexLayer => {
  const layer = layers[index];
  if (!layer) throw new Error(`no layer ${index}`);
  return layer;
};

/** Kernel with the given channels as columns, [fan-in, channels]. */
function kernelOf(columns: readonly (readonly number[])[], fanIn: number): Float32Array {
  const kernel = new Float32Array(fanIn * columns.length);
  columns.forEach((column, c) => column.forEach((value, k) => (kernel[k * columns.length + c] = value)));
  return kernel;
}
const EXAMPLE = [[3], [0, 2], [0, 0, 1], [0.5, 0.5]];
const tensors = new Map([['conv1/kernel', kernelOf(EXAMPLE, 27)]]);
const dense = denseStructure(network);
const withChannels = (id: string, kept: readonly number[]): Structure => ({
  channels: { ...dense.channels, [id]: kept },
});

test('worked example A: channels 0 and 1 are kept', () => {
  const { kept, scores, score } = selectChannels(layerAt(0), 2, tensors, dense);
  expect(kept).toEqual([0, 1]);
  expect(score).toBe('leverage');
  [0.974522, 0.942675, 0, 0.082803].forEach((expected, j) => expect(scores[j]).toBeCloseTo(expected, 6));
  // The official functions gave the square roots of these.
  [0.9872, 0.9709, 0, 0.2878].forEach((expected, j) => expect(Math.sqrt(scores[j] ?? NaN)).toBeCloseTo(expected, 4));
});

test('channels that are off score 0 and lose to every active one', () => {
  const { kept, scores } = selectChannels(layerAt(0), 2, tensors, withChannels('conv1', [1, 2, 3]));
  expect(scores[0]).toBe(0);
  expect(kept).toEqual([1, 2]);
  // One that is off is taken only when all active ones are, even an active one without weights.
  const dead = new Map([['conv1/kernel', kernelOf([[3], [], [0, 0, 1], [0.5, 0.5]], 27)]]);
  expect(selectChannels(layerAt(0), 2, dead, withChannels('conv1', [1, 2])).kept).toEqual([1, 2]);
  expect(selectChannels(layerAt(0), 3, dead, withChannels('conv1', [1, 2])).kept).toEqual([0, 1, 2]);
});

test('input channels that are off do not count', () => {
  // conv2 [3, 3, 4, 8]: channel 0 is strong, but only through input 0.
  const columns = Array.from({ length: 8 }, (_, c) => Array.from({ length: 36 }, (_, k) => Number(k === c + 1)));
  const [strong] = columns;
  if (!strong) throw new Error('no channel');
  strong.fill(0)[0] = 100;
  const conv2 = new Map([['conv2/kernel', kernelOf(columns, 36)]]);
  expect(selectChannels(layerAt(1), 1, conv2, dense).kept).toEqual([0]);
  expect(selectChannels(layerAt(1), 1, conv2, withChannels('conv1', [1, 2, 3])).scores[0]).toBe(0);
});

test('wide layers rank by L1 norm', () => {
  // vgg-small's conv1 has 32 channels and fan-in 27; norms fall with the channel's number.
  const [wide] = prunableLayers(buildNetwork('vgg-small'));
  if (!wide) throw new Error('no layer');
  const columns = Array.from({ length: 32 }, (_, c) =>
    Array.from({ length: 27 }, (_, k) => (32 - c) * (k % 2 ? -1 : 1)),
  );
  const choice = selectChannels(
    wide,
    3,
    new Map([['conv1/kernel', kernelOf(columns, 27)]]),
    denseStructure(buildNetwork('vgg-small')),
  );
  expect(choice.score).toBe('L1 norm');
  expect(choice.kept).toEqual([0, 1, 2]);
  expect(choice.scores[0]).toBe(32 * 27);
});

test('keeping more channels than the rank still keeps exactly that many', () => {
  const flat = new Map([['conv1/kernel', kernelOf([[1], [2], [3], [4]], 27)]]);
  const { kept, scores } = selectChannels(layerAt(0), 3, flat, dense);
  expect(kept).toEqual([1, 2, 3]);
  // Rank 1: the scores sum to 1, each the share of the squared length.
  [1, 4, 9, 16].forEach((square, j) => expect(scores[j]).toBeCloseTo(square / 30, 12));
});
