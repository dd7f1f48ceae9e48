import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ZOO, buildNetwork, countNetwork, countStructure, groupsOf } from './index.ts';
import { costOf } from './cost.ts';

test('is what compacting and counting gives, for any widths of any group', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...ZOO.map(({ id }) => id)),
      fc.constantFrom<'macs' | 'parameters'>('macs', 'parameters'),
      fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 40, maxLength: 40 }),
      (id, kind, shares) => {
        const network = buildNetwork(id, 0.25);
        const groups = groupsOf(network).filter(({ cuttable }) => cuttable);
        const widths = new Map(
          groups.map((group, i) => [group.id, 1 + Math.floor((shares[i] ?? 0) * (group.channels - 1))]),
        );
        const channels = Object.fromEntries([...widths].map(([group, width]) => [group, [...Array(width).keys()]]));
        expect(costOf(network, kind)(widths)).toBe(countStructure(network, { channels })[kind]);
        expect(costOf(network, kind)(new Map())).toBe(countNetwork(network)[kind]);
      },
    ),
    { numRuns: 80 },
  );
});
