import { expect, test } from 'vitest';
import { buildNetwork } from '../network/index.ts';
import { crop, erk, uniform } from './index.ts';
const net = buildNetwork('resnet20');
const row = (r: any) =>
  [...r.widths.values()].join(' ') + ` (${(r.macs / 1e6).toFixed(1)}) ${r.objective.toFixed(3)} ${r.weights}`;
test('x', () => {
  for (const keep of [0.5, 0.2, 0.1]) {
    const budgets = [{ kind: 'parameters' as const, keep }];
    console.log(
      keep,
      row(crop({ network: net, budgets })),
      '|',
      row(crop({ network: net, budgets, densities: erk(net, keep) })),
      '|',
      row(crop({ network: net, budgets, densities: uniform(net, keep), minimum: 1 })),
    );
    const d = crop({ network: net, budgets }).densities;
    console.log('B from 3.4', row(crop({ network: net, budgets, densities: d })));
  }
  const m = { kind: 'macs' as const, keep: 0.5 },
    p = { kind: 'parameters' as const, keep: 0.5 };
  {
    const r = crop({ network: net, budgets: [p, m] });
    console.log(r, 40813184 / 2, 270896 / 2);
  }
  console.log(row(crop({ network: net, budgets: [m] })), row(crop({ network: net, budgets: [p, m] })));
  console.log(
    row(
      crop({
        network: net,
        preConfig: true,
        budgets: [
          { ...p, keep: 1 },
          { ...m, keep: 1 },
        ],
      }),
    ),
  );
  for (const id of ['resnet56', 'mobilenetv2-cifar', 'vgg-small', 'cnn-small']) {
    const network = buildNetwork(id);
    for (const budgets of [[p], [m], [p, m]]) {
      const t = performance.now();
      const r = crop({ network, budgets });
      console.log(id, budgets.length, (performance.now() - t).toFixed(0), row(r));
    }
  }
});
