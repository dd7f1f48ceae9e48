import { describe, expect, test } from 'vitest';
import { type RunView, emptyView } from '../../core/events/view.ts';
import { costRowOf, isBlindCrop, median } from './cost-rows.ts';

const dense = { macs: 1_000, parameters: 100, widths: {} };
const layer = { layer: 'conv1', weights: 100, macs: 1_000, density: 0.25, kept: 24 };
const viewOf = (more: Partial<RunView>): RunView => ({
  ...emptyView(),
  start: { dense } as RunView['start'],
  macs: 1_000,
  parameters: 100,
  ...more,
});

test('a mask keeps few weights and every MAC', () => {
  const view = viewOf({ densities: { source: 'synflow', removes: 'weights', layers: [layer] } });
  expect(costRowOf(view)).toMatchObject({ weights: 24, how: 'masked', macs: 1_000, dense: { weights: 100 } });
});

test('a crop is as large as the network that runs', () => {
  const view = viewOf({
    macs: 300,
    parameters: 30,
    densities: { source: 'synexp', removes: 'channels', layers: [layer] },
  });
  expect(costRowOf(view)).toMatchObject({ weights: 30, how: 'cropped', macs: 300 });
});

test('what was pruned otherwise says so; a whole network does not; an unprepared run has no row', () => {
  expect(costRowOf(viewOf({ parameters: 40 }))?.how).toBe('pruned');
  expect(costRowOf(viewOf({}))?.how).toBe('whole');
  expect(costRowOf(emptyView())).toBeNull();
});

test('the time of a step is the median of the latest ones', () => {
  expect(costRowOf(viewOf({ latestMilliseconds: [9, 2, 4, 100] }))?.milliseconds).toBe(6.5);
  expect(median([3, 1, 2])).toBe(2);
  expect(median([])).toBeNull();
});

describe('a crop that looked at neither data nor weights', () => {
  test.each([
    ['synexp', 'channels', true],
    ['erk', 'channels', true],
    ['uniform', 'channels', true],
    ['synflow', 'channels', false],
    ['snip', 'channels', false],
    ['uniform', 'weights', false],
  ] as const)('%s, which removes %s: %s', (source, removes, blind) => {
    expect(isBlindCrop(viewOf({ densities: { source, removes, layers: [layer] } }))).toBe(blind);
  });

  test('a run without densities is none', () => expect(isBlindCrop(viewOf({}))).toBe(false));
});
