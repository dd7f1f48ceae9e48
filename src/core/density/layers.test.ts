import { describe, expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { croppableGroups, densityLayers } from './layers.ts';

const find = (network: string) => {
  const layers = new Map(densityLayers(buildNetwork(network)).map((layer) => [layer.id, layer]));
  return (id: string) => layers.get(id);
};

describe('ResNet-20', () => {
  const layers = densityLayers(buildNetwork('resnet20'));
  test('has the published weights and multiply-adds', () => {
    expect(layers.reduce((sum, { weights }) => sum + weights, 0)).toBe(270_896);
    expect(layers.reduce((sum, { macs }) => sum + macs, 0)).toBe(40_813_184);
  });
  test('only the nine inner widths can be cropped, and each scales its two convolutions', () => {
    expect(croppableGroups(buildNetwork('resnet20')).map(({ id }) => id)).toEqual(
      Array.from({ length: 9 }, (_, i) => `block${i + 1}.conv1`),
    );
    const of = find('resnet20');
    expect(of('stem')?.groups).toEqual([]);
    expect(of('block3.conv1')?.groups).toEqual(['block3.conv1']);
    expect(of('block3.conv2')?.groups).toEqual(['block3.conv1']);
    expect(of('dense')?.groups).toEqual([]);
  });
  test('the two 1x1 convolutions beside blocks are shortcuts', () => {
    expect(layers.filter(({ shortcut }) => shortcut).map(({ id }) => id)).toEqual([
      'block4.shortcut',
      'block7.shortcut',
    ]);
  });
});

test('a chain: every convolution scales itself and its reader', () => {
  const of = find('convnet-micro');
  expect(of('conv1')?.groups).toEqual(['conv1']);
  expect(of('conv2')?.groups).toEqual(['conv1', 'conv2']);
  expect(of('dense')?.groups).toEqual(['conv4']);
});

test('MobileNetV2: an expanded width scales three layers, a depthwise one once; narrow 1x1 convolutions are no shortcuts', () => {
  const of = find('mobilenetv2-cifar');
  for (const layer of ['expand', 'depthwise', 'project']) {
    expect(of(`block3.${layer}`)?.groups).toEqual(['block3.expand']);
  }
  expect(densityLayers(buildNetwork('mobilenetv2-cifar')).filter(({ shortcut }) => shortcut)).toEqual([]);
});

test('the units of a hidden dense layer stay, but its weights follow the flattened channels', () => {
  const of = find('cnn-small');
  expect(of('fc')?.groups).toEqual(['conv6']);
  expect(of('dense')?.groups).toEqual([]);
});
