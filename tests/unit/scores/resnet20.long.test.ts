import { afterAll, test } from 'vitest';
import { expectTable } from './resnet20.ts';
import { webgpu } from './scoring.ts';

const own = await webgpu();
afterAll(() => own?.dispose());

test.skipIf(!own)('SynFlow’s densities of resnet20 after 100 passes', { timeout: 900_000 }, async () => {
  if (own) await expectTable(own, 100);
});
