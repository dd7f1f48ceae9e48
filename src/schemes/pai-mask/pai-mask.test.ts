import { describe, expect, test } from 'vitest';
import { buildNetwork, initialParameters, kernelOf } from '../../core/network/index.ts';
import { type Given, labOf } from '../shared/testing.ts';
import { packMasks, unpackMasks } from './packing.ts';

const resnet = buildNetwork('resnet20', 0.5);
const budget = { kind: 'parameters', keep: 0.3 } as const;

/** Masks by magnitude, which needs no gradient, in a pattern. */
async function masksOf(options: Given, network = resnet, seed = 1) {
  const lab = await labOf('pai-mask', network, { budget, options: { score: 'magnitude', ...options }, seed });
  const masks = new Map([...(lab.run.rules?.() ?? [])].map(([name, { mask }]) => [name, mask ?? new Float32Array()]));
  return { ...lab, masks };
}
const count = (mask: Float32Array | undefined): number => mask?.reduce((sum, entry) => sum + entry, 0) ?? NaN;

test('the largest weights of all layers together stay, and no channel leaves', async () => {
  const { masks, start, parameters } = await masksOf({});
  const sizes = [...masks].map(([name, mask]) =>
    Array.from(mask, (kept, i) => [kept, Math.abs(parameters.get(name)?.[i] ?? NaN)] as const),
  );
  const all = sizes.flat();
  const least = Math.min(...all.flatMap(([kept, size]) => (kept === 1 ? [size] : [])));
  for (const [kept, size] of all) expect(kept === 1).toBe(size >= least);
  expect(all.filter(([kept]) => kept === 1).length).toBe(all.length - Math.floor(0.7 * all.length));
  expect(start.reasons).toEqual([]);
  expect(start.structure.taps).toBeUndefined();
  for (const [group, kept] of Object.entries(start.structure.channels)) expect(kept.length, group).toBeGreaterThan(0);
});

test('the report counts what stays, and says that weights are masked', async () => {
  const { masks, start } = await masksOf({});
  expect(start.densities).toMatchObject({ source: 'magnitude', removes: 'weights' });
  expect(start.densities?.layers.length).toBe(masks.size);
  for (const { layer, weights, density, kept } of start.densities?.layers ?? []) {
    const mask = masks.get(kernelOf(resnet, layer));
    expect([weights, kept]).toEqual([mask?.length, count(mask)]);
    expect(density * weights).toBeCloseTo(kept, 6);
  }
});

describe('patterns', () => {
  test('shuffled: as many weights in every layer, at other places', async () => {
    const [scored, shuffled] = [await masksOf({}), await masksOf({ pattern: 'shuffled' })];
    for (const [name, mask] of scored.masks) {
      const other = shuffled.masks.get(name);
      expect(count(other), name).toBe(count(mask));
      expect(other, name).not.toEqual(mask);
    }
    expect(shuffled.start.write).toBeUndefined();
    expect((await masksOf({ pattern: 'shuffled' })).masks).toEqual(shuffled.masks);
    expect((await masksOf({ pattern: 'shuffled' }, resnet, 2)).masks).not.toEqual(shuffled.masks);
  });

  test('fresh: the shuffled masks, on other weights of the same spread', async () => {
    const [shuffled, fresh] = [await masksOf({ pattern: 'shuffled' }), await masksOf({ pattern: 'fresh' })];
    expect(fresh.masks).toEqual(shuffled.masks);
    expect([...(fresh.start.write?.keys() ?? [])]).toEqual([...fresh.masks.keys()]);
    for (const [name, values] of fresh.start.write ?? []) {
      const before = initialParameters(resnet, 1).get(name) ?? new Float32Array();
      const spread = (all: Float32Array): number => Math.hypot(...all);
      expect(values.some((value, i) => value === before[i])).toBe(false);
      expect(spread(values) / spread(before), name).toBeCloseTo(1, 0);
    }
  });

  test.each(['resnet20', 'mobilenetv2-cifar'])('filters of %s: whole ones, nearest to the density', async (id) => {
    const network = buildNetwork(id, 0.25);
    const [scored, filters] = [await masksOf({}, network), await masksOf({ pattern: 'filters' }, network)];
    for (const node of network.nodes) {
      const mask = filters.masks.get(`${node.id}/kernel`);
      const wanted = scored.masks.get(`${node.id}/kernel`);
      if (!mask || !wanted) continue;
      // Kernels end in the output channels; a depthwise kernel's [k, k, channels, 1] do too.
      const outputs = node.op === 'conv' ? node.filters : node.op === 'depthwiseConv' ? mask.length / 9 : 10;
      if (node.op === 'dense') {
        expect(count(mask)).toBe(count(wanted));
        continue;
      }
      const on = Array.from({ length: outputs }, (_, filter) => mask.filter((_entry, i) => i % outputs === filter));
      for (const filter of on) expect(new Set(filter).size, node.id).toBe(1);
      const kept = on.filter(([first]) => first === 1).length;
      expect(Math.abs(kept - (count(wanted) / wanted.length) * outputs), node.id).toBeLessThanOrEqual(0.5);
    }
  });
});

test('a run that is restored has the same masks, through plain JSON', async () => {
  const first = await masksOf({ pattern: 'shuffled' });
  const second = await masksOf({ score: 'random' });
  expect(second.run.rules?.()).not.toEqual(first.run.rules?.());
  second.run.restore(JSON.parse(JSON.stringify(first.run.state())));
  expect(second.run.rules?.()).toEqual(first.run.rules?.());
  expect(second.run.state()).toEqual(first.run.state());
});

test('masks of any length survive packing', () => {
  for (let length = 0; length < 20; length++) {
    const masks = new Map([
      ['a/kernel', Float32Array.from({ length }, (_, i) => ((i * 7 + length) % 3 === 0 ? 1 : 0))],
    ]);
    expect(unpackMasks(packMasks(masks))).toEqual(masks);
  }
});

test('checkpoints of before are read: entries, and their bits from the lowest of each byte', () => {
  const masks = new Map([['a/kernel', Float32Array.of(1, 0, 1, 1, 0, 0, 0, 0, 1)]]);
  const packed = { 'a/kernel': { entries: 9, bits: btoa('\u000d\u0001') } };
  expect(packMasks(masks)).toEqual(packed);
  expect(unpackMasks(packed)).toEqual(masks);
});
