import { expect, test } from 'vitest';
import { type Network, buildNetwork } from '../../core/network/index.ts';
import { layerMaps, layerOutputs, outputNodeOf, sharedRange } from './layer-maps.ts';

test('a plain network: the ReLU behind each convolution', () => {
  expect(
    layerOutputs(buildNetwork('convnet-micro')).map(({ layer, node, height, channels }) => [
      layer,
      node,
      height,
      channels,
    ]),
  ).toEqual([
    ['conv1', 'conv1.relu', 32, 8],
    ['conv2', 'conv2.relu', 16, 16],
    ['conv3', 'conv3.relu', 16, 16],
    ['conv4', 'conv4.relu', 8, 32],
  ]);
});

test('a residual network: the ReLU of the sum, once for the convolutions that are added', () => {
  const network = buildNetwork('resnet20');
  expect(outputNodeOf(network, 'block4.conv1')).toBe('block4.conv1.relu');
  expect(outputNodeOf(network, 'block4.conv2')).toBe('block4.relu');
  expect(outputNodeOf(network, 'block4.shortcut')).toBe('block4.relu');
  // The stem, nine first convolutions and nine sums.
  expect(layerOutputs(network)).toHaveLength(19);
});

test('MobileNetV2: ReLU6, and the batch norm where a block ends without one', () => {
  const network = buildNetwork('mobilenetv2-cifar');
  expect(outputNodeOf(network, 'block2.expand')).toBe('block2.expand.relu');
  expect(outputNodeOf(network, 'block2.project')).toBe('block2.project.bn');
  expect(outputNodeOf(network, 'block3.project')).toBe('block3.project.bn');
  expect(layerOutputs(network)).toHaveLength(35);
});

test('a gate between batch norm and ReLU is passed', () => {
  const network: Network = {
    id: 'gated',
    nodes: [
      { id: 'input', op: 'input', shape: [4, 4, 3] },
      { id: 'conv', op: 'conv', input: 'input', filters: 2, kernel: 3, stride: 1 },
      { id: 'bn', op: 'batchNorm', input: 'conv' },
      { id: 'gate', op: 'gate', input: 'bn' },
      { id: 'relu', op: 'relu', input: 'gate' },
      { id: 'pool', op: 'globalAvgPool', input: 'relu' },
      { id: 'dense', op: 'dense', input: 'pool', units: 10 },
    ],
  };
  expect(outputNodeOf(network, 'conv')).toBe('relu');
});

test('compact maps go back to the places of their original channels', () => {
  const network = buildNetwork('convnet-micro');
  // 1x2 pixels, kept channels 2 and 5: values by pixel, then kept channel.
  const answer = { shape: [1, 1, 2, 2] as const, values: Float32Array.from([1, 10, 3, -30]) };
  const maps = layerMaps(network, { channels: { conv1: [2, 5] } }, 'conv1.relu', answer);
  expect(maps.channels).toHaveLength(8);
  expect(maps.channels.map((channel) => channel !== null)).toEqual([0, 0, 1, 0, 0, 1, 0, 0].map(Boolean));
  expect(maps.channels[2]).toEqual({ mean: 2, least: 1, most: 3, place: 0 });
  expect(maps.channels[5]).toEqual({ mean: -10, least: -30, most: 10, place: 1 });
  expect(maps.kept).toBe(2);
  expect(sharedRange([maps, null])).toEqual({ least: -30, most: 10 });
});

test('maps of which none is below zero are drawn from zero', () => {
  const answer = { shape: [1, 1, 1, 1] as const, values: Float32Array.from([4]) };
  const maps = layerMaps(buildNetwork('convnet-micro'), { channels: { conv1: [0] } }, 'conv1.relu', answer);
  expect(sharedRange([maps])).toEqual({ least: 0, most: 4 });
});
