import { expect, test } from 'vitest';
import { type Network, denseStructure } from '../../core/network/index.ts';
import { allocateUpdate } from './allocation.ts';
import { prunableLayers } from './layers.ts';

/** Worked example B of the method's digest: two layers of four channels and their BN scales. */
const network: Network = {
  id: 'two',
  nodes: [
    { id: 'input', op: 'input', shape: [4, 4, 3] },
    { id: 'a', op: 'conv', input: 'input', filters: 4, kernel: 3, stride: 1 },
    { id: 'a.bn', op: 'batchNorm', input: 'a' },
    { id: 'b', op: 'conv', input: 'a.bn', filters: 4, kernel: 3, stride: 1 },
    { id: 'b.bn', op: 'batchNorm', input: 'b' },
    { id: 'pool', op: 'globalAvgPool', input: 'b.bn' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};
const layers = prunableLayers(network);
const scales = new Map([
  ['a.bn/gamma', Float32Array.of(0.9, -0.1, 0.5, -0.4)],
  ['b.bn/gamma', Float32Array.of(-0.8, 0.7, 0.05, 0.6)],
]);
const dense = denseStructure(network);
const half = { budget: { kind: 'channels', keep: 0.5 }, minimum: 1 } as const;

test('worked example B: 1 and 3 channels are kept, and delta_t = 0.2 regrows one in each by the paper’s rule', () => {
  const { keep, regrow } = allocateUpdate(network, layers, { ...half, rule: 'paper' }, 0.2, scales, dense);
  expect([...keep.values()]).toEqual([1, 3]);
  expect([...regrow.values()]).toEqual([1, 1]);
});

test('by the code’s rule the ranking decides, here 0.5 and 0.4 of the first layer', () => {
  const { regrow } = allocateUpdate(network, layers, { ...half, rule: 'code' }, 0.25, scales, dense);
  expect([...regrow.values()]).toEqual([2, 0]);
});

test('channels that are off count as 0, whatever their scale was', () => {
  const without = { channels: { ...dense.channels, a: [1, 2, 3] } };
  const { keep, regrow } = allocateUpdate(network, layers, { ...half, rule: 'code' }, 0.5, scales, without);
  expect([...keep.values()]).toEqual([1, 3]);
  // Seven are active: the eighth cannot come back in the code's ranking.
  expect([...regrow.values()]).toEqual([2, 1]);
});

test('no layer regrows beyond its width', () => {
  const { keep, regrow } = allocateUpdate(network, layers, { ...half, rule: 'paper' }, 0.9, scales, dense);
  expect([...regrow.values()]).toEqual([3, 1]);
  expect([...keep.values()]).toEqual([1, 3]);
  // 0.1 + 0.2 - 0.05 is a little more than a quarter in floating point; a quarter of four is still one channel.
  const exact = allocateUpdate(network, layers, { ...half, rule: 'paper' }, 0.1 + 0.2 - 0.05, scales, dense);
  expect([...exact.regrow.values()]).toEqual([1, 1]);
});
