import { expect, test } from 'vitest';
import type { LayerView } from '../../core/events/view.ts';
import { describeChannel } from './describe.ts';

const layer: LayerView = { layer: 'conv2', total: 4, kept: 3, prunable: true, channels: [], widths: [] };

test('says what happened to a channel, since when, how often, and why', () => {
  const reason = { layer: 'conv2', channel: 3, fate: 'pruned', text: 'Pruned: rank 4 of 4.' } as const;
  expect(describeChannel(layer, 3, { fate: 'pruned', since: 1_200, timesOff: 2, reason })).toBe(
    'conv2, channel 3: just pruned since step 1,200, off 2 times so far. Pruned: rank 4 of 4.',
  );
  expect(describeChannel(layer, 0, { fate: 'kept', since: 0, timesOff: 0, reason: undefined })).toBe(
    'conv2, channel 0: on from the start.',
  );
  expect(
    describeChannel({ ...layer, prunable: false }, 1, { fate: 'kept', since: 0, timesOff: 0, reason: undefined }),
  ).toMatch(/not pruned here/);
});
