import { expect, test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { differing, hyperAt, openTrainer, randomStructure, realImages } from './harness.ts';

test('a hundred changes of structure: memory stays, nothing is lost, training goes on', async () => {
  const engine = await openWebGpuEngine();
  const network = buildNetwork('resnet20', 0.5);
  const trainer = await openTrainer(engine, network, await realImages(64), { batchSize: 8 });
  const { bytes } = trainer;
  for (let round = 0; round < 100; round++) {
    const before = await trainer.read();
    await trainer.restructure(randomStructure(network, 0.3 + (round % 7) / 10, round));
    expect(differing(before, await trainer.read())).toEqual([]);
    const { loss } = await trainer.train(1, hyperAt);
    expect(Number.isFinite(loss[0])).toBe(true);
    expect(trainer.bytes).toBe(bytes);
  }
  engine.dispose();
});
