import { test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { crop } from './index.ts';
test('x', () => {
  for (let i = 0; i < 4; i++)
  for (const id of ['resnet56', 'mobilenetv2-cifar']) {
    const network = buildNetwork(id);
    for (const kinds of [['parameters'], ['macs'], ['parameters', 'macs']] as const) {
    const t = performance.now();
    const r = crop({ network, budgets: kinds.map((kind) => ({ kind, keep: 0.4 })) });
    console.log(id, kinds.length, (performance.now() - t).toFixed(0), r.objective);
    }
  }
});
