import { describe, expect, test } from 'vitest';
import { type Network, buildNetwork, groupsOf } from '../../core/network/index.ts';
import { allocate, channelsToKeep } from './allocate.ts';

/** Worked example B of the CHEX digest: two layers of four channels. */
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
const [a, b] = groupsOf(network).filter((group) => group.cuttable);
if (!a || !b) throw new Error('two groups');
const candidates = (minimum: number) => [
  { group: a, minimum, scores: [0.9, 0.1, 0.5, 0.4] },
  { group: b, minimum, scores: [0.8, 0.7, 0.05, 0.6] },
];

describe('allocation', () => {
  test('worked example B: 1 and 3 channels', () => {
    expect([...allocate(network, candidates(1), { kind: 'channels', keep: 0.5 }).values()]).toEqual([1, 3]);
  });

  test('a minimum takes from the smallest scores elsewhere', () => {
    expect([...allocate(network, candidates(2), { kind: 'channels', keep: 0.5 }).values()]).toEqual([2, 2]);
  });

  test('ties go to the lower layer, then the lower channel', () => {
    const even = [a, b].map((group) => ({ group, minimum: 1, scores: [1, 1, 1, 1] }));
    expect([...allocate(network, even, { kind: 'channels', keep: 0.75 }).values()]).toEqual([4, 2]);
  });

  test('floating point never loses a channel', () => {
    expect(channelsToKeep(10, 1 - 0.9)).toBe(1);
    expect([...Array(20)].map((_, i) => channelsToKeep(20, (i + 1) / 20))).toEqual([...Array(20)].map((_, i) => i + 1));
  });

  test('a whole budget keeps everything', () => {
    const resnet = buildNetwork('resnet20');
    const groups = groupsOf(resnet).filter((group) => group.cuttable);
    const all = groups.map((group) => ({ group, minimum: 1, scores: new Float32Array(group.channels) }));
    for (const kind of ['channels', 'macs', 'parameters'] as const) {
      const counts = allocate(resnet, all, { kind, keep: 1 });
      expect(groups.map(({ id }) => counts.get(id))).toEqual(groups.map(({ channels }) => channels));
    }
  });
});
