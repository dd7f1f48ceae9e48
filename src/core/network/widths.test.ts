import { expect, test } from 'vitest';
import { countNetwork, widthsOf } from './counts.ts';
import { parametersOf } from './parameters.ts';
import { withWidths } from './widths.ts';
import { buildNetwork } from './zoo.ts';

test('a widened block: counts, norms, depthwise and readers follow; other layers stay', () => {
  const model = buildNetwork('mobilenetv2-cifar');
  const wider = withWidths(model, { 'block3.expand': 200 });
  expect(widthsOf(wider)).toEqual({ ...widthsOf(model), 'block3.expand': 200 });
  const weights = new Map(countNetwork(wider).layers.map(({ layer, parameters }) => [layer, parameters]));
  expect(weights.get('block3.expand')).toBe(24 * 200);
  expect(weights.get('block3.depthwise')).toBe(9 * 200);
  expect(weights.get('block3.project')).toBe(200 * 24);
  const gamma = parametersOf(wider).find(({ name }) => name === 'block3.depthwise.bn/gamma');
  expect(gamma?.shape).toEqual([200]);
});

test('a stream widened in one of its layers only is no network', () => {
  expect(() => countNetwork(withWidths(buildNetwork('resnet20'), { stem: 20 }))).toThrow('adds');
});
