import { expect, test } from 'vitest';
import { buildNetwork, denseStructure, initialParameters, parametersOf } from '../../core/network/index.ts';
import { freshTensors } from './fresh.ts';

const network = buildNetwork('mobilenetv2-cifar', 0.5);
const old = new Map(
  parametersOf(network).map(({ name, shape }) => [name, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(7)]),
);
const dense = denseStructure(network);
const half = (group: string): number[] => [...Array((dense.channels[group]?.length ?? 0) / 2).keys()];
const structure = {
  channels: { ...dense.channels, 'block16.expand': half('block16.expand'), 'block15.expand': half('block15.expand') },
};
const fresh = freshTensors(network, structure, old, 3);
const kept = (name: string): Float32Array => (fresh.get(name) ?? new Float32Array()).filter((value) => value !== 7);
const variance = (values: Float32Array): number =>
  values.reduce((sum, value) => sum + value * value, 0) / values.length;

test('what is kept is drawn with variance 2 / fan-in of the cropped network', () => {
  // 80 narrow channels, of the 480 inside 240 stay.
  const project = kept('block16.project/kernel');
  expect(project.length).toBe(240 * 80);
  expect(variance(project) * (240 / 2)).toBeCloseTo(1, 1);
  const expand = kept('block16.expand/kernel');
  expect(expand.length).toBe(80 * 240);
  expect(variance(expand) * (80 / 2)).toBeCloseTo(1, 1);
  const depthwise = kept('block16.depthwise/kernel');
  expect(depthwise.length).toBe(9 * 240);
  expect(variance(depthwise) * (9 / 2)).toBeCloseTo(1, 0);
  const mean = project.reduce((sum, value) => sum + value, 0) / project.length;
  expect(Math.abs(mean)).toBeLessThan(4 * Math.sqrt(2 / 240 / project.length));
});

test('norms and biases are fresh where kept; pruned entries stay as they were', () => {
  const gamma = fresh.get('block16.expand.bn/gamma');
  expect(gamma?.slice(0, 240).every((value) => value === 1)).toBe(true);
  expect(gamma?.slice(240).every((value) => value === 7)).toBe(true);
  expect(
    fresh
      .get('block16.expand.bn/mean')
      ?.slice(0, 240)
      .every((value) => value === 0),
  ).toBe(true);
  expect(fresh.get('dense/bias')?.every((value) => value === 0)).toBe(true);
});

test('the seed decides, and nothing is taken over from the network as it was', () => {
  expect(freshTensors(network, structure, old, 3)).toEqual(fresh);
  const other = freshTensors(network, structure, old, 4);
  expect(other.get('stem/kernel')).not.toEqual(fresh.get('stem/kernel'));
  const initial = freshTensors(network, structure, initialParameters(network, 3), 3);
  expect(initial.get('stem/kernel')).toEqual(fresh.get('stem/kernel'));
});
