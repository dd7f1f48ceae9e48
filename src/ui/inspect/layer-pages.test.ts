import { expect, test } from 'vitest';
import { buildNetwork } from '../../core/network/index.ts';
import { layerMaps, layerOutputs } from './layer-maps.ts';
import { activationRows, layerPages, pageName } from './layer-pages.ts';

test('few layers are one page; many are pages of about the same length, each layer once and in order', () => {
  expect(layerPages(['a', 'b', 'a', 'b'])).toEqual([['a', 'b']]);
  expect(layerPages([])).toEqual([]);
  const layers = layerOutputs(buildNetwork('resnet20')).map(({ layer }) => layer);
  const pages = layerPages(layers);
  expect(pages.flat()).toEqual(layers);
  // 19 layers: 5, 5, 5 and 4.
  expect(pages.map(({ length }) => length)).toEqual([5, 5, 5, 4]);
  expect(pages.map(pageName)[0]).toBe('stem to block2.conv2');
});

test('the table tells both networks channel by channel, and which are pruned', () => {
  const network = buildNetwork('convnet-micro', 0.25);
  const answer = { shape: [1, 1, 1, 1] as const, values: Float32Array.from([0.5]) };
  const maps = layerMaps(network, { channels: { conv1: [1] } }, 'conv1.relu', answer);
  expect(activationRows('conv1', maps, null)).toEqual([
    ['conv1', '0', 'pruned', 'pruned', '–', '–'],
    ['conv1', '1', '0.500', '0.500', '–', '–'],
  ]);
});
