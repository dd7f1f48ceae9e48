import { describe, expect, test } from 'vitest';
import { type BarBox, axisTicks, axisTop, barAt, heightOf, keepAtLevel, keptOf, rowsOf, valueAt } from './bars.ts';

/** A chain 3, 16, 32, 64 with 3x3 kernels and ten classes: the worked example of water filling. */
const CHAIN = [432, 4_608, 18_432, 640];

describe('the share that a level keeps', () => {
  test('is half of the chain at the level that halves it, one layer being cut', () => {
    // 12,056 of 24,112 weights: the three small layers whole, 6,376 of the large one.
    expect(keepAtLevel(CHAIN, 6_376)).toBeCloseTo(0.5, 12);
  });

  test('is nothing at the bottom and everything from the largest layer on', () => {
    expect(keepAtLevel(CHAIN, 0)).toBe(0);
    expect(keepAtLevel(CHAIN, -5)).toBe(0);
    expect(keepAtLevel(CHAIN, 18_432)).toBe(1);
    expect(keepAtLevel(CHAIN, 1e9)).toBe(1);
  });
});

describe('the axis of the second chart', () => {
  test('ends at the largest layer or at a half, a quarter ... of it, with the level in its upper part', () => {
    expect(axisTop(36_864, 30_000)).toBe(36_864);
    for (const level of [200, 1_342, 4_000, 11_200]) {
      const top = axisTop(36_864, level);
      expect(Math.log2(36_864 / top) % 1).toBe(0);
      expect(level / top).toBeGreaterThanOrEqual(0.4);
      expect(level / top).toBeLessThan(0.8);
    }
  });

  test('is the largest layer where there is no level', () => {
    expect(axisTop(640, null)).toBe(640);
  });

  test('has a few round ticks from zero', () => {
    expect(axisTicks(18_432)).toEqual([0, 10_000]);
    expect(axisTicks(1)).toEqual([0, 0.5, 1]);
    expect(axisTicks(4_608)).toEqual([0, 2_000, 4_000]);
    expect(axisTicks(0)).toEqual([0]);
  });
});

describe('a box of bars', () => {
  const box: BarBox = { left: 40, top: 10, width: 300, height: 80, most: 2_000 };

  test('turns a height back into the value that has it, within its edges', () => {
    for (const value of [0, 3, 999, 2_000]) expect(valueAt(box, heightOf(box, value))).toBeCloseTo(value, 9);
    expect(heightOf(box, 5_000)).toBe(80);
    expect(valueAt(box, 200)).toBe(2_000);
    expect(valueAt(box, -3)).toBe(0);
  });

  test('holds all bars in order without overlap, few or many', () => {
    for (const count of [1, 5, 58]) {
      const bars = Array.from({ length: count }, (_, index) => barAt(box, index, count));
      bars.forEach(({ x, width }, index) => {
        expect(x).toBeGreaterThanOrEqual(index === 0 ? 40 : (bars[index - 1]?.x ?? 0) + (bars[index - 1]?.width ?? 0));
        expect(x + width).toBeLessThanOrEqual(340);
      });
    }
  });
});

describe('rows of a report', () => {
  const report = {
    source: 'synflow',
    removes: 'weights',
    layers: [
      { layer: 'conv1', weights: 100, macs: 1_000, density: 0.5, kept: 49 },
      { layer: 'dense', weights: 40, macs: 40, density: 1, kept: 40 },
    ],
    passes: [
      [0.9, 1],
      [0.5, 1],
    ],
  } as const;

  test('are what was asked for and kept; MACs go with the weights', () => {
    const rows = rowsOf(report);
    expect(rows.map(({ asked, kept }) => [asked, kept])).toEqual([
      [0.5, 49],
      [1, 40],
    ]);
    expect(rows.map((row) => keptOf(row, 'macs'))).toEqual([490, 40]);
  });

  test('of a pass are what it asked for; nothing is kept yet', () => {
    expect(rowsOf(report, 1).map(({ asked, kept }) => [asked, kept])).toEqual([
      [0.9, null],
      [1, null],
    ]);
  });
});
