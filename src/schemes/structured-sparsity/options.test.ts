import { describe, expect, test } from 'vitest';
import { type Network, buildNetwork } from '../../core/network/index.ts';
import { parseSpec } from '../../core/spec/parse.ts';
import { SCHEMES } from '../index.ts';
import { type Given, settled } from './testing.ts';

const problemOf = (given: object, model = 'convnet-micro', steps = 60): string => {
  const input = { version: 1, model: { id: model }, train: { steps }, scheme: { id: 'structured-sparsity', ...given } };
  const parsed = parseSpec(input, SCHEMES);
  return parsed.ok ? 'fine' : (parsed.problems[0]?.message ?? '');
};
const map = (at: number) => ({ granularity: 'map', at });
const stride = (at: number, by = 2) => ({ granularity: 'stride', at, stride: by });

test('by default three tenths of the maps go at 40 % of the steps, then every other tap at 65 %', () => {
  const parsed = parseSpec(
    { version: 1, model: { id: 'vgg-small' }, train: { steps: 200 }, scheme: { id: 'structured-sparsity' } },
    SCHEMES,
  );
  expect(parsed).toMatchObject({
    ok: true,
    spec: {
      scheme: {
        stages: [
          { granularity: 'map', at: 80, keep: 0.7, choose: 'particles' },
          { granularity: 'stride', at: 130, stride: 2, choose: 'particles' },
        ],
        constraint: true,
        bits: 'off',
        bitsAt: 170,
      },
    },
  });
});

test.each([2, 3, 5, 10, 1_000])('defaults suit a run of %i steps', (steps) => {
  expect(() => settled(buildNetwork('convnet-micro'), {}, steps)).not.toThrow();
  if (steps >= 5) expect(() => settled(buildNetwork('convnet-micro'), { bits: '4' }, steps)).not.toThrow();
});

test('a stage gives just the keys of its granularity', () => {
  const stages = [{ granularity: 'stride', at: 9, keep: 0.5 }];
  expect(problemOf({ stages })).toBe(
    'scheme.stages.0.keep: leave this key out: it is for granularity "map" and "kernel" only',
  );
  expect(problemOf({ stages: [{ ...map(9), stride: 2 }] })).toContain('for granularity "stride" only');
});

describe('refusals name the key and say what to use', () => {
  test.each<[string, object, string]>([
    [
      'ascending',
      { stages: [map(20), stride(20)] },
      'scheme.stages.1.at: step 20 does not come after the stage before it (step 20); use at least 21',
    ],
    [
      'before the end',
      { stages: [map(60)] },
      "scheme.stages.0.at: step 60 leaves no step for retraining before the run's end (step 60); use at most 59",
    ],
    [
      'one stride',
      { stages: [stride(10), map(20), stride(30)] },
      'scheme.stages.2.granularity: taps are strided by scheme.stages.0 already, and another stride would bring pruned ones back',
    ],
    [
      'bits after the last stage',
      { stages: [map(30)], bits: '4', bitsAt: 30 },
      'scheme.bitsAt: step 30 does not come after the last stage (step 30); use at least 31',
    ],
    [
      'bits before the end',
      { stages: [map(30)], bits: '4', bitsAt: 60 },
      "scheme.bitsAt: step 60 leaves no step for retraining before the run's end (step 60); use at most 59",
    ],
  ])('%s', (_, given, message) => {
    expect(problemOf(given)).toBe(message);
  });

  test('a step of the fixed-point stage does not matter without one', () => {
    expect(problemOf({ stages: [map(30)], bitsAt: 9 })).toBe('fine');
  });

  test('a run without room for a stage', () => {
    expect(problemOf({}, 'convnet-micro', 1)).toBe(
      'scheme.stages.0.at: a run of 1 step is too short for a stage; use at least 2 steps',
    );
  });

  test('a network without kernels of several taps, or without maps to prune', () => {
    expect(problemOf({ stages: [stride(10)] }, 'mobilenetv2-cifar')).toMatch(
      /^scheme\.stages\.0\.granularity: mobilenetv2-cifar has no kernel of more than one tap/,
    );
    expect(problemOf({}, 'mobilenetv2-cifar')).toBe('fine');
    const nodes: Network['nodes'] = [
      { id: 'input', op: 'input', shape: [4, 4, 1] },
      { id: 'a', op: 'conv', input: 'input', filters: 2, kernel: 3, stride: 1 },
      { id: 'pool', op: 'globalAvgPool', input: 'a' },
      { id: 'dense', op: 'dense', input: 'pool', units: 3 },
    ];
    const refused = (stages: Given['stages']) => () => settled({ id: 'one', nodes }, { stages: stages ?? [] });
    expect(refused([map(9)])).toThrow('scheme.stages.0.granularity: one has no feature maps to prune');
    expect(refused([{ granularity: 'kernel', at: 9 }])).toThrow('scheme.stages.0.granularity: one has no convolution');
  });

  test('a stride beyond the taps of a kernel; kernels of one tap are passed over', () => {
    const network = (kernel: number): Network => ({
      id: 'two',
      nodes: [
        { id: 'input', op: 'input', shape: [4, 4, 1] },
        { id: 'a', op: 'conv', input: 'input', filters: 2, kernel: 3, stride: 1 },
        { id: 'b', op: 'conv', input: 'a', filters: 2, kernel, stride: 1 },
        { id: 'c', op: 'conv', input: 'b', filters: 2, kernel: 3, stride: 1 },
        { id: 'pool', op: 'globalAvgPool', input: 'c' },
        { id: 'dense', op: 'dense', input: 'pool', units: 3 },
      ],
    });
    expect(() => settled(network(2), { stages: [stride(9, 5)] })).toThrow(
      'scheme.stages.0.stride: 5 is more than the 4 taps of a kernel of b; use at most 4',
    );
    expect(() => settled(network(2), { stages: [stride(9, 4)] })).not.toThrow();
    expect(() => settled(network(1), { stages: [stride(9, 9)] })).not.toThrow();
  });
});
