import { describe, test } from 'vitest';
import { ZOO, buildNetwork } from '../core/network/index.ts';
import { NARROW, expectRoundTrip, measured, randomStructure } from './testing.ts';

const STRUCTURES = 20;
const IMAGES = 20;

describe('20 generated structures of each network, half of them strided, on 20 images', () => {
  test.each(ZOO.map(({ id }) => id))('%s', { timeout: 1_200_000 }, async (id) => {
    const network = buildNetwork(id, NARROW[id] ?? 1);
    const { at, dispose } = await measured(network);
    for (let seed = 1; seed <= STRUCTURES; seed++) {
      await expectRoundTrip(await at(randomStructure(network, seed, seed % 2 === 0), { images: IMAGES }));
    }
    dispose();
  });
});
