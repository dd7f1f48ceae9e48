import { describe, expect, test } from 'vitest';
import { type Network, buildNetwork, countStructure, denseStructure } from '../../core/network/index.ts';
import { columnsOf } from '../shared/columns.ts';
import { largest } from '../shared/ranking.ts';
import { prunableLayers } from './layers.ts';

describe('what may be pruned', () => {
  test('all convolutions of a plain network', () => {
    const convolutions = prunableLayers(buildNetwork('convnet-micro')).map(({ conv }) => conv);
    expect(convolutions).toEqual(['conv1', 'conv2', 'conv3', 'conv4']);
  });

  test('only inner widths of a ResNet: 336 channels in ResNet-20, half of them 20,759,168 MACs (worked example C)', () => {
    const network = buildNetwork('resnet20');
    const layers = prunableLayers(network);
    expect(layers.map(({ conv }) => conv)).toEqual(Array.from({ length: 9 }, (_, i) => `block${i + 1}.conv1`));
    expect(layers.reduce((total, { group }) => total + group.channels, 0)).toBe(336);
    const half = layers.map(({ group }) => [group.id, Array.from({ length: group.channels / 2 }, (_, i) => i)]);
    expect(countStructure(network, { channels: Object.fromEntries(half) }).macs).toBe(20_759_168);
  });

  test('in MobileNetV2 the expanded widths and what no addition ties, by the convolution that makes the channels', () => {
    const layers = prunableLayers(buildNetwork('mobilenetv2-cifar', 0.25));
    const expanded = Array.from({ length: 16 }, (_, i) => `block${i + 2}.expand`);
    const free = ['stem', 'block1.project', ...expanded, 'block17.project', 'head'];
    expect(new Set(layers.map(({ conv }) => conv))).toEqual(new Set(free));
    const layer = layers.find(({ conv }) => conv === 'block2.expand');
    // At a quarter of the width block 2 expands 4 channels to 24; its depthwise convolution is no reader of the group.
    expect(layer).toMatchObject({ kernel: 'block2.expand/kernel', gamma: 'block2.expand.bn/gamma', taps: 1 });
    expect([layer?.input.channels, layer?.group.channels, layer?.group.readers]).toEqual([4, 24, ['block2.project']]);
  });

  test('the convolutions of CNN small, not its hidden dense layer', () => {
    const convolutions = prunableLayers(buildNetwork('cnn-small', 0.1)).map(({ conv }) => conv);
    expect(convolutions).toEqual(['conv1', 'conv2', 'conv3', 'conv4', 'conv5', 'conv6']);
  });

  test('a network without batch norm is refused', () => {
    const network: Network = {
      id: 'bare',
      nodes: [
        { id: 'input', op: 'input', shape: [4, 4, 3] },
        { id: 'conv', op: 'conv', input: 'input', filters: 4, kernel: 3, stride: 1 },
        { id: 'pool', op: 'globalAvgPool', input: 'conv' },
        { id: 'dense', op: 'dense', input: 'pool', units: 10 },
      ],
    };
    expect(() => prunableLayers(network)).toThrow(/^model.id: CHEX finds nothing to prune in bare/);
  });
});

test('columns hold each output channel’s weights over the input channels that are on', () => {
  const network = buildNetwork('convnet-micro', 0.25);
  const layer = prunableLayers(network)[1];
  if (!layer) throw new Error('conv2');
  // conv2 at a quarter of the width: kernel [3, 3, 2, 4]; each weight says where it sits.
  const kernel = Float32Array.from(
    { length: 9 * 2 * 4 },
    (_, i) => Math.floor(i / 8) * 100 + (Math.floor(i / 4) % 2) * 10 + (i % 4),
  );
  const dense = denseStructure(network);
  const secondInput = { channels: { ...dense.channels, conv1: [1] } };
  const columns = columnsOf(layer, new Map([['conv2/kernel', kernel]]), secondInput);
  expect(columns.map((column) => Array.from(column))).toEqual(
    [0, 1, 2, 3].map((out) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((tap) => tap * 100 + 10 + out)),
  );
});

test('the largest values come by index, and of equal ones the lower index wins', () => {
  expect(largest([1, 3, 2, 3, 3], 3)).toEqual([1, 3, 4]);
  expect(largest([1, 3, 2, 3, 3], 2)).toEqual([1, 3]);
});
