import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ChannelView, type LayerView, emptyView } from '../../core/events/view.ts';
import { buildNetwork, countStructure, groupsOf, keptOf, widthsOf } from '../../core/network/index.ts';
import { editedStructure, keptAtWidth, predict, scoresOf, switched, switchedCount } from './what-if.ts';

const channel = (fate: ChannelView['fate'], score?: number): ChannelView => ({
  fate,
  since: 0,
  timesOff: 0,
  offs: [],
  reason: score === undefined ? undefined : { layer: 'conv1', channel: 0, fate, score, text: '' },
});

const network = buildNetwork('resnet20', 0.5);
const groups = groupsOf(network);
const layers = Object.entries(widthsOf(network)).map(([layer, total]): LayerView => ({
  layer,
  total,
  kept: total,
  prunable: true,
  channels: Array.from({ length: total }, (_, index) => channel('kept', index)),
  widths: [],
}));
const view = { ...emptyView(), layers };

test('a channel is switched off and on again, but never the last one', () => {
  expect(switched([0, 2, 5], 2)).toEqual([0, 5]);
  expect(switched([0, 5], 2)).toEqual([0, 2, 5]);
  expect(switched([5], 5)).toBeNull();
});

test('a width keeps the best-scored channels, and gives back the best of those that are off', () => {
  const channels = [channel('kept', 3), channel('kept', 9), channel('off', 5), channel('kept', 4), channel('off', 7)];
  const scores = channels.map(({ reason }) => reason?.score);
  expect(keptAtWidth(channels, scores, 2)).toEqual([1, 3]);
  expect(keptAtWidth(channels, scores, 3)).toEqual([0, 1, 3]);
  expect(keptAtWidth(channels, scores, 4)).toEqual([0, 1, 3, 4]);
  expect(keptAtWidth(channels, scores, 0)).toEqual([1]);
  expect(keptAtWidth(channels, scores, 99)).toEqual([0, 1, 2, 3, 4]);
  // Without scores the first ones.
  expect(keptAtWidth([channel('kept'), channel('kept'), channel('kept')], [], 2)).toEqual([0, 1]);
});

test('an edited structure lists the groups that are not whole, the switched ones as switched', () => {
  const cut = {
    ...view,
    layers: layers.map((layer, i) =>
      i === 1 ? { ...layer, channels: layer.channels.map((one, c) => (c === 0 ? channel('off') : one)) } : layer,
    ),
  };
  const [first, second, third] = groups.filter(({ cuttable }) => cuttable);
  if (!first || !second || !third) throw new Error('resnet20 has groups');
  expect(second.producers).toEqual([layers[1]?.layer]);
  const edits = { [third.id]: [0, 1] };
  expect(editedStructure(cut, groups, edits)).toEqual({
    [second.id]: Array.from({ length: second.channels - 1 }, (_, i) => i + 1),
    ...edits,
  });
  expect(switchedCount(cut, groups, edits)).toBe(third.channels - 2);
});

test('scores of a tied group are found at whichever of its layers has them', () => {
  const tied = groups.find(({ producers }) => producers.length > 2);
  if (!tied) throw new Error('resnet20 ties layers');
  const silent = layers.map((layer) =>
    layer.layer === tied.producers[1] ? layer : { ...layer, channels: layer.channels.map(() => channel('kept')) },
  );
  expect(scoresOf({ ...view, layers: silent }, tied)).toEqual(Array.from({ length: tied.channels }, (_, i) => i));
});

test('predictions are what compacting and counting gives, and time goes with the MACs', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 20, maxLength: 20 }), (shares) => {
      const edits = Object.fromEntries(
        groups
          .filter(({ cuttable }) => cuttable)
          .map((group, i) => [group.id, [...Array(1 + Math.floor((shares[i] ?? 0) * (group.channels - 1))).keys()]]),
      );
      const structure = editedStructure(view, groups, edits);
      for (const group of groups)
        expect(keptOf({ channels: structure }, group)).toEqual(edits[group.id] ?? keptOf({ channels: {} }, group));
      const counts = countStructure(network, { channels: edits });
      const trained = { ...view, macs: 2 * counts.macs, latestMilliseconds: [10, 30] };
      const { macs, parameters, time } = predict(trained, network, { channels: structure });
      expect({ macs, parameters }).toEqual({ macs: counts.macs, parameters: counts.parameters });
      expect(time).toEqual({ milliseconds: 10, of: 'step', measured: 20 });
      expect(predict(view, network, { channels: structure }).time).toBeNull();
      const latencyMs = [{ batch: 1, median: 8, p95: 9, n: 5 }];
      const finished = { ...trained, finish: { kind: 'finish', step: 9, latencyMs, imagesPerSecond: 1 } as const };
      expect(predict(finished, network, { channels: structure }).time).toEqual({
        milliseconds: 4,
        of: 'image',
        measured: 8,
      });
    }),
    { numRuns: 30 },
  );
});

test('kept taps count: a network with channels and taps chosen by hand costs what its compact form does', () => {
  const group = groups.find(({ id }) => id === 'block1.conv1');
  if (!group) throw new Error('resnet20 has a first block');
  const taps = { 'block1.conv2': { stride: 3, offsets: Array.from({ length: group.channels }, (_, c) => c % 3) } };
  const channels = { [group.id]: [0, 1, 2] };
  const { macs, parameters } = predict(view, network, { channels, taps });
  // Of 8 source maps 3 are left, with 3 of 9 taps: an eighth of the layer's, and of the layer before 3 of 8 outputs.
  const dense = countStructure(network, { channels: {} });
  const of = (id: string): number => dense.layers.find(({ layer }) => layer === id)?.macs ?? 0;
  expect(macs).toBe(dense.macs - (5 / 8) * of('block1.conv1') - (7 / 8) * of('block1.conv2'));
  expect(parameters).toBe(dense.parameters - (5 / 8) * 8 * 8 * 9 - (7 / 8) * 8 * 8 * 9);
});
