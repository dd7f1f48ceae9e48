import { expect, test } from 'vitest';
import { cuttableLayers } from './layers.ts';
import { selectChannels } from './select.ts';
import { twoLayers } from './testing.ts';

test.each(['local', 'global'] as const)('%s: channels that are off take no room in the budget', (scope) => {
  const network = twoLayers(4, 4);
  const before = { channels: { a: [2], b: [0, 1, 2, 3] } };
  // The best scores belong to channels that are off.
  const score = ({ group }: { group: { id: string } }): number[] => (group.id === 'a' ? [9, 9, 1, 9] : [4, 3, 2, 5]);
  const rule = { budget: { kind: 'channels', keep: 0.5 }, scope, minimum: 1 } as const;
  const { structure, choices } = selectChannels(network, cuttableLayers(network), before, score, rule);
  expect(structure.channels).toMatchObject({ a: [2], b: [0, 1, 3] });
  expect(choices.map(({ order }) => order)).toEqual([[2], [3, 0, 1, 2]]);
});
