import { describe, expect, test } from 'vitest';
import { type Network, ZOO, buildNetwork, denseStructure } from '../core/network/index.ts';
import { MIXED, ODD, RESIDUAL } from '../engine/tfjs/testing.ts';
import { exportTfjs } from './index.ts';
import { NARROW, TOLERANCE, compare, expectRoundTrip, measured, randomStructure, tfjsLogits } from './testing.ts';

describe('logits of stock tfjs and of onnxruntime-web are the lab’s, for', () => {
  test.each(ZOO.map(({ id }) => id))('%s, dense and pruned and strided', async (id) => {
    const network = buildNetwork(id, NARROW[id] ?? 1);
    const { at, dispose } = await measured(network);
    await expectRoundTrip(await at(denseStructure(network)));
    await expectRoundTrip(await at(randomStructure(network, 1, true)));
    dispose();
  });
});

/** Vectors where maps are expected and maps where vectors are: both are legal, as a vector is a map of one pixel. */
const SINGLE_PIXELS: Network = {
  id: 'single pixels',
  nodes: [
    { id: 'images', op: 'input', shape: [32, 32, 3] },
    { id: 'logits', op: 'conv', input: 'images', filters: 5, kernel: 5, stride: 32 },
    { id: '/odd name', op: 'dense', input: 'logits', units: 6 },
    { id: 'norm', op: 'batchNorm', input: '/odd name' },
    { id: 'again', op: 'conv', input: 'norm', filters: 6, kernel: 3, stride: 1 },
    { id: 'mixed sum', op: 'add', inputs: ['norm', 'again'] },
    { id: 'gate', op: 'gate', input: 'mixed sum' },
    { id: 'flat', op: 'flatten', input: 'gate' },
    { id: 'vector sum', op: 'add', inputs: ['norm', 'flat'] },
    { id: 'vector.gate', op: 'gate', input: 'vector sum' },
    { id: 'classes', op: 'conv', input: 'vector.gate', filters: 10, kernel: 1, stride: 1 },
  ],
};

describe('every kind of node, odd sizes and asymmetric padding:', () => {
  test.each([RESIDUAL, ODD, MIXED, SINGLE_PIXELS])('$id', async (network) => {
    const { at, dispose } = await measured(network);
    await expectRoundTrip(await at(denseStructure(network)));
    for (let seed = 1; seed <= 3; seed++) await expectRoundTrip(await at(randomStructure(network, seed, seed > 1)));
    dispose();
  });

  test('weights are quantised as the engine computes with them', async () => {
    const network = buildNetwork('convnet-micro', 0.5);
    const { at, dispose } = await measured(network);
    const quantised = await at(randomStructure(network, 5, true), { quantised: true });
    dispose();
    await expectRoundTrip(quantised);
    const { quantisers: _, ...plain } = quantised.source;
    const { error } = compare(await tfjsLogits(exportTfjs(plain), quantised.pixels), quantised.logits);
    expect(error).toBeGreaterThan(100 * TOLERANCE);
  });
});
