import { afterAll, test } from 'vitest';
import { expectTable } from './resnet20.ts';
import { webgpu } from './scoring.ts';

const own = await webgpu();
afterAll(() => own?.dispose());

test.skipIf(!own)('SynFlow’s densities of resnet20 at keep 0.1 are those of the published code', async () => {
  if (own) await expectTable(own, 30);
});
