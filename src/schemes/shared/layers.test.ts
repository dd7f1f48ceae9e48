import { describe, expect, test } from 'vitest';
import { type Network, type Node, buildNetwork, denseStructure } from '../../core/network/index.ts';
import { columnsOf } from './columns.ts';
import { cuttableLayers, normsOf } from './layers.ts';

const IMAGE: Node = { id: 'input', op: 'input', shape: [2, 2, 1] };
const namesIn = (network: Network): string[][] =>
  cuttableLayers(network).map(({ producers }) => producers.map(({ conv }) => conv));

describe('what can be cut', () => {
  test('residual streams as one, with their shortcuts, and the inner widths', () => {
    const layers = namesIn(buildNetwork('resnet20'));
    const streams = layers.filter(({ length }) => length > 1);
    expect(streams.map(({ length }) => length)).toEqual([4, 4, 4]);
    expect(streams[1]).toEqual(['block4.conv2', 'block4.shortcut', 'block5.conv2', 'block6.conv2']);
    expect(layers.filter(({ length }) => length === 1).length).toBe(9);
  });

  test('no units of a hidden dense layer, also not where they are added to a convolution', () => {
    expect(namesIn(buildNetwork('cnn-small', 0.125)).flat()).not.toContain('fc');
    const nodes: Node[] = [
      IMAGE,
      { id: 'a', op: 'conv', input: 'input', filters: 4, kernel: 1, stride: 1 },
      { id: 'pool', op: 'globalAvgPool', input: 'a' },
      { id: 'b', op: 'conv', input: 'pool', filters: 4, kernel: 1, stride: 1 },
      { id: 'hidden', op: 'dense', input: 'pool', units: 4 },
      { id: 'sum', op: 'add', inputs: ['b', 'hidden'] },
      { id: 'dense', op: 'dense', input: 'sum', units: 3 },
    ];
    expect(namesIn({ id: 'mixed', nodes })).toEqual([['a']]);
  });

  test('nothing: a sentence', () => {
    const nodes: Node[] = [
      IMAGE,
      { id: 'pool', op: 'globalAvgPool', input: 'input' },
      { id: 'dense', op: 'dense', input: 'pool', units: 3 },
    ];
    expect(() => cuttableLayers({ id: 'flat', nodes })).toThrow(/^model\.id: there is no channel to prune in flat/);
  });
});

/** A convolution without a batch norm, flattened into another one. */
const flattened: Network = {
  id: 'flattened',
  nodes: [
    IMAGE,
    { id: 'a', op: 'conv', input: 'input', filters: 2, kernel: 1, stride: 1 },
    { id: 'flatten', op: 'flatten', input: 'a' },
    { id: 'b', op: 'conv', input: 'flatten', filters: 2, kernel: 1, stride: 1 },
    { id: 'dense', op: 'dense', input: 'b', units: 3 },
  ],
};

test('criteria of batch norms refuse a network that lacks one', () => {
  expect(() => normsOf(flattened, cuttableLayers(flattened), 'Taylor')).toThrow(
    /^model\.id: Taylor needs a batch norm behind every convolution; a of flattened has none/,
  );
});

test('behind a flatten a filter loses a pruned channel at every pixel', () => {
  const filters = cuttableLayers(flattened)[1]?.producers[0];
  if (!filters) throw new Error('no filters');
  // [1, 1, 8, 2]: inputs 0, 2, 4 and 6 are channel 0 of the four pixels.
  const tensors = new Map([['b/kernel', Float32Array.from({ length: 16 }, (_, i) => i)]]);
  const structure = { channels: { ...denseStructure(flattened).channels, a: [1] } };
  expect(columnsOf(filters, tensors, structure).map((column) => Array.from(column))).toEqual([
    [2, 6, 10, 14],
    [3, 7, 11, 15],
  ]);
});
