import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Network, type Structure, buildNetwork, denseStructure } from '../network/index.ts';
import { uniforms } from '../random/uniforms.ts';
import {
  type LayerSize,
  kernelLayers,
  kernelMask,
  layerSizes,
  loweredSize,
  mapGroups,
  maskOperations,
  prunedShares,
  prunedUnits,
  stridedLayers,
  unitCount,
} from './index.ts';

const range = (count: number): number[] => [...Array(count).keys()];
const total = (sizes: readonly LayerSize[], value: (size: LayerSize) => number): number =>
  sizes.reduce((sum, size) => sum + value(size), 0);
const strided = (network: Network, stride: number): Structure => ({
  channels: {},
  taps: Object.fromEntries(
    stridedLayers(network).map(({ id, inputs }) => [id, { stride, offsets: range(inputs).map((c) => c % stride) }]),
  ),
});

test('11.3: multiply-adds, weights and shares of a lab-sized network', () => {
  const network = buildNetwork('vgg-small');
  const convs = (structure: Structure) => layerSizes(network, structure).filter(({ layer }) => layer !== 'dense');
  const dense = convs(denseStructure(network));
  expect([total(dense, ({ macs }) => macs), total(dense, ({ weights }) => weights)]).toEqual([38_633_472, 286_560]);
  for (const [stride, macs, weights, share] of [
    [2, 19_759_104, 143_712, 0.489],
    [3, 13_467_648, 96_096, 0.651],
  ] as const) {
    const sizes = convs(strided(network, stride));
    expect([total(sizes, (size) => size.macs), total(sizes, (size) => size.weights)]).toEqual([macs, weights]);
    expect(total(sizes, ({ lowered }) => lowered?.macs ?? 0)).toBe(macs);
    const shares = prunedShares(dense, sizes, new Set(stridedLayers(network).map(({ id }) => id)));
    expect(shares.macs).toBeCloseTo(share, 3);
    expect(shares.weights).toBeCloseTo(1 - (weights - 864) / (286_560 - 864), 9);
  }
  // A stride of 1 changes nothing (property 7).
  expect(convs(strided(network, 1))).toEqual(dense);
});

test.each([
  [89, 179, 676_854, 0.49],
  [83, 166, 591_624, 0.5542],
])('the follow-up’s CNN small with %i and %i maps (property 14)', (narrow, wide, weights, share) => {
  const network = buildNetwork('cnn-small');
  const channels = Object.fromEntries(mapGroups(network).map(({ id }) => [id, range(id < 'conv5' ? narrow : wide)]));
  const eligible = new Set(kernelLayers(network).map(({ id }) => id));
  const [before, after] = [layerSizes(network, { channels: {} }), layerSizes(network, { channels })];
  const count = (sizes: readonly LayerSize[]): number =>
    total(sizes, (size) => (eligible.has(size.layer) ? size.weights : 0));
  expect([count(before), count(after)]).toEqual([1_327_104, weights]);
  expect(prunedShares(before, after, eligible).weights).toBeCloseTo(share, 4);
});

/** The layer of 11.2 behind another one. */
const wide: Network = {
  id: 'wide',
  nodes: [
    { id: 'input', op: 'input', shape: [16, 16, 3] },
    { id: 'first', op: 'conv', input: 'input', filters: 64, kernel: 3, stride: 1 },
    { id: 'second', op: 'conv', input: 'first', filters: 128, kernel: 3, stride: 1 },
    { id: 'pool', op: 'globalAvgPool', input: 'second' },
    { id: 'dense', op: 'dense', input: 'pool', units: 10 },
  ],
};

test('11.2: maps removed, then strided taps', () => {
  const offsets = range(64).map((c) => c % 2);
  const structure = { channels: { first: range(48), second: range(96) }, taps: { second: { stride: 2, offsets } } };
  const size = layerSizes(wide, structure).find(({ layer }) => layer === 'second');
  expect(size?.lowered).toEqual({ outputs: 96, rows: 216, positions: 256, macs: 5_308_416 });
  expect(size).toMatchObject({ weights: 96 * 216, strided: { taps: 9, stride: 2, maps: 48 }, flags: 0 });
});

describe('kernel masks', () => {
  const network = buildNetwork('convnet-micro');
  const layers = kernelLayers(network);

  test('save weights and nominal multiply-adds, not rows; together with maps as counted one by one (property 13)', () => {
    fc.assert(
      fc.property(fc.nat(), fc.double({ min: 0.05, max: 1, noNaN: true }), (seed, keep) => {
        const counts = layers.map(({ id, inputs, outputs }) => unitCount(id, inputs * outputs, keep));
        const kernels = maskOperations(counts, 0).draw(0, uniforms(seed, 'search', 0));
        const structure = { channels: { conv1: [0, 2, 5], conv3: range(16).filter((c) => c % 3 > 0) } };
        const sizes = new Map(layerSizes(network, { channels: {} }, kernels).map((size) => [size.layer, size]));
        const thinner = new Map(layerSizes(network, structure, kernels).map((size) => [size.layer, size]));
        for (const layer of layers) {
          const bits = kernels.get(layer.id) ?? [];
          const mask = kernelMask(layer, bits);
          const weights = mask.reduce((sum, bit) => sum + bit, 0);
          expect(sizes.get(layer.id)).toMatchObject({
            weights,
            macs: weights * layer.positions,
            lowered: loweredSize(layer, mask),
            flags: bits.length,
          });
          const keeps = (conv: string, c: number): boolean =>
            conv === 'conv1' ? [0, 2, 5].includes(c) : conv !== 'conv3' || c % 3 > 0;
          const before = `conv${Number(layer.id.slice(4)) - 1}`;
          const left = [...bits].filter(
            (bit, unit) =>
              bit && keeps(before, Math.floor(unit / layer.outputs)) && keeps(layer.id, unit % layer.outputs),
          );
          expect(thinner.get(layer.id)?.weights).toBe(9 * left.length);
        }
        expect(prunedUnits(kernels)).toEqual({
          units: 8 * 16 + 16 * 16 + 16 * 32,
          pruned: counts.reduce((sum, { units, kept }) => sum + units - kept, 0),
        });
      }),
      { numRuns: 30 },
    );
  });

  test('together with strided taps', () => {
    const kernels = new Map([['conv2', Uint8Array.from({ length: 128 }, (_, unit) => Number(unit % 16 < 3))]]);
    const taps = { conv2: { stride: 2, offsets: [0, 0, 1, 1, 1, 1, 1, 1] } };
    const size = layerSizes(network, { channels: {}, taps }, kernels).find(({ layer }) => layer === 'conv2');
    expect(size?.weights).toBe(3 * (2 * 5 + 6 * 4));
    expect(size?.lowered?.rows).toBe(2 * 5 + 6 * 4);
  });

  test('that do not fit are refused', () => {
    expect(() => layerSizes(network, { channels: {} }, new Map([['conv2', new Uint8Array(3)]]))).toThrow(
      '"conv2" has 128 kernels, its mask 3',
    );
  });
});

test('depthwise and dense layers are counted whole', () => {
  const sizes = layerSizes(buildNetwork('mobilenetv2-cifar'), { channels: {} });
  expect(sizes.find(({ layer }) => layer === 'block2.depthwise')).toMatchObject({ weights: 9 * 96, lowered: null });
  expect(sizes.at(-1)?.lowered).toEqual({ outputs: 10, rows: 1_280, positions: 1, macs: 12_800 });
});
