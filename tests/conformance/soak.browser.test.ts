import { test } from 'vitest';
import { buildNetwork } from '../../src/core/network/index.ts';
import { soak } from './soak.ts';

const network = buildNetwork('convnet-micro');

test('500 changes of structure leave memory where it was and compile nothing', async () => {
  await soak({ network, batchSize: 4, rounds: 500 }, (trainer, structure) => trainer.restructure(structure));
});

test('so do 150 among which kernels become strided', async () => {
  await soak({ network, batchSize: 4, rounds: 150, strided: 3 }, (trainer, structure) =>
    trainer.restructure(structure),
  );
});
