import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Trade, dominates, frontLine, onFront } from './pareto.ts';

/** Few distinct values, so that ties are common. */
const value = fc.integer({ min: 0, max: 6 });
const trade = fc.record({ cost: value, accuracy: value });
const trades = fc.array(trade, { maxLength: 30 });
const better = fc.constantFrom('less' as const, 'more' as const);

describe('dominance', () => {
  test('asks for one strict gain and no loss', () => {
    const middle = { cost: 2, accuracy: 0.5 };
    expect(dominates({ cost: 1, accuracy: 0.5 }, middle)).toBe(true);
    expect(dominates({ cost: 2, accuracy: 0.6 }, middle)).toBe(true);
    expect(dominates({ cost: 2, accuracy: 0.5 }, middle)).toBe(false);
    expect(dominates({ cost: 1, accuracy: 0.4 }, middle)).toBe(false);
    expect(dominates({ cost: 3, accuracy: 0.5 }, middle, 'more')).toBe(true);
    expect(dominates({ cost: 1, accuracy: 0.9 }, middle, 'more')).toBe(false);
  });

  test('is never mutual, and carries over', () => {
    fc.assert(
      fc.property(trade, trade, trade, better, (a, b, c, which) => {
        expect(dominates(a, b, which) && dominates(b, a, which)).toBe(false);
        if (dominates(a, b, which) && dominates(b, c, which)) expect(dominates(a, c, which)).toBe(true);
      }),
    );
  });

  test('does not lose a gain too small to be added up', () => {
    expect(dominates({ cost: 1e9, accuracy: 0.1 + 1e-12 }, { cost: 1e9, accuracy: 0.1 })).toBe(true);
    expect(dominates({ cost: 0, accuracy: 0.1 + 1e-12 }, { cost: 1e9, accuracy: 0.1 })).toBe(true);
  });
});

describe('the front', () => {
  test('of a worked example', () => {
    const all: Trade[] = [
      { cost: 10, accuracy: 0.6 },
      { cost: 5, accuracy: 0.5 },
      { cost: 5, accuracy: 0.4 },
      { cost: 7, accuracy: 0.5 },
      { cost: 5, accuracy: 0.5 },
      { cost: 1, accuracy: 0.1 },
    ];
    expect(onFront(all)).toEqual([true, true, false, false, true, true]);
    expect(frontLine(all)).toEqual([all[5], all[1], all[0]]);
    expect(onFront(all, 'more')).toEqual([true, false, false, false, false, false]);
  });

  test('is what brute force says', () => {
    fc.assert(
      fc.property(trades, better, (all, which) => {
        expect(onFront(all, which)).toEqual(all.map((one) => !all.some((other) => dominates(other, one, which))));
      }),
    );
  });

  test('as a line rises with cost (falls, where more is better), and every trade lies on or behind it', () => {
    fc.assert(
      fc.property(trades, better, (all, which) => {
        const line = frontLine(all, which);
        line.slice(1).forEach(({ cost, accuracy }, index) => {
          expect(cost).toBeGreaterThan(line[index]?.cost ?? NaN);
          const rise = accuracy - (line[index]?.accuracy ?? NaN);
          expect(which === 'less' ? rise : -rise).toBeGreaterThan(0);
        });
        for (const one of all) {
          const same = line.some(({ cost, accuracy }) => cost === one.cost && accuracy === one.accuracy);
          expect(same || line.some((other) => dominates(other, one, which))).toBe(true);
        }
      }),
    );
  });
});
