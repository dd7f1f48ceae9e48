import { expect, test } from 'vitest';
import type { ChannelView, LayerView } from '../../core/events/view.ts';
import { channelFacts, describeChannel } from './describe.ts';

const layer: LayerView = { layer: 'conv2', total: 4, kept: 3, prunable: true, channels: [], widths: [] };
const untouched: ChannelView = { fate: 'kept', since: 0, timesOff: 0, offs: [], reason: undefined };

test('says what happened to a channel, since when, how often, and why', () => {
  const reason = { layer: 'conv2', channel: 3, fate: 'pruned', text: 'Pruned: rank 4 of 4.' } as const;
  expect(describeChannel(layer, 3, { ...untouched, fate: 'pruned', since: 1_200, timesOff: 2, reason })).toBe(
    'conv2, channel 3: just pruned since step 1,200, off 2 times so far. Pruned: rank 4 of 4.',
  );
  expect(describeChannel(layer, 0, untouched)).toBe('conv2, channel 0: on from the start.');
  const fixed = { ...layer, prunable: false };
  expect(describeChannel(fixed, 1, untouched)).toMatch(/not pruned here/);
  expect(describeChannel(fixed, 1, { ...untouched, fate: 'off', since: 20, timesOff: 1 })).toBe(
    'conv2, channel 1: off since step 20.',
  );
});

test('lists the figures behind it, those that there are', () => {
  const reason = {
    layer: 'conv2',
    channel: 3,
    fate: 'pruned',
    text: '',
    score: 0.000123456,
    rank: 3,
    of: 4,
    globalRank: 1_200,
    globalOf: 1_300,
    threshold: 0.25,
    probability: 0.123456,
    tied: ['conv4'],
  } as const;
  const offs = [
    { from: 20, to: 40 },
    { from: 60, to: null },
  ];
  expect(channelFacts({ ...untouched, offs, reason }, ['conv9'])).toEqual([
    'score 1.23e-4',
    'rank 3 of 4 in the layer',
    'rank 1,200 of 1,300 globally',
    'threshold 0.25',
    'probability 0.1235',
    'tied to conv4',
    'off before: steps 20 to 40',
  ]);
  expect(channelFacts(untouched, ['conv9'])).toEqual(['tied to conv9']);
  const many = Array.from({ length: 6 }, (_, i) => ({ from: 20 * i, to: 20 * i + 10 }));
  expect(channelFacts({ ...untouched, offs: many })).toEqual([
    'off before: 6 times, lately steps 40 to 50, steps 60 to 70, steps 80 to 90, steps 100 to 110',
  ]);
});
