import { expect, test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { differing, hyperAt } from './harness.ts';
import { soak } from './soak.ts';

test.each([
  ['500 changes of structure', {}],
  ['500 among which kernels become strided', { strided: 5 }],
])(
  '%s of a resnet20: memory stays, nothing is lost, training goes on',
  async (_, kind) => {
    const network = buildNetwork('resnet20', 0.25);
    await soak({ network, batchSize: 8, rounds: 500, ...kind }, async (trainer, structure) => {
      const before = await trainer.read();
      await trainer.restructure(structure);
      expect(differing(before, await trainer.read())).toEqual([]);
      const { loss } = await trainer.train(1, hyperAt);
      expect(Number.isFinite(loss[0])).toBe(true);
    });
  },
  1_800_000,
);
