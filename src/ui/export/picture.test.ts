import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { layOutRows } from './draw-map.ts';
import { shortened } from './pen.ts';

describe('rows of the picture’s map', () => {
  test('hold a cell for every channel, lie below each other and fit the room, for networks of any size', () => {
    const widths = fc.array(fc.integer({ min: 1, max: 640 }), { minLength: 1, maxLength: 60 });
    const room = fc.record({ width: fc.integer({ min: 300, max: 600 }), height: fc.integer({ min: 280, max: 500 }) });
    fc.assert(
      fc.property(widths, room, (channels, { width, height }) => {
        const rows = layOutRows(channels, { width, height });
        let below = 0;
        rows.forEach(({ y, height: own, layout }, row) => {
          expect(layout.lines * layout.perLine).toBeGreaterThanOrEqual(channels[row] ?? Infinity);
          expect(layout.perLine * layout.size).toBeLessThanOrEqual(width);
          expect(layout.lines * layout.size).toBeLessThanOrEqual(own);
          expect(y).toBeCloseTo(below, 6);
          below = y + own;
        });
        expect(below).toBeLessThanOrEqual(height + 1e-6);
      }),
      { numRuns: 200 },
    );
  });

  test('of a small network have large cells, of a large one small ones', () => {
    const room = { width: 440, height: 360 };
    expect(layOutRows([8, 16, 16, 32], room)[0]?.layout.size).toBe(28);
    const wide = layOutRows([64, 64, 128, 128, 256, 256], room);
    expect(wide[0]?.layout.size).toBeGreaterThan(8);
    expect(wide[0]?.layout.size).toBeLessThan(28);
  });
});

test('a text that is too long ends in an ellipsis, between characters', () => {
  const width = (text: string): number => Array.from(text).length;
  expect(shortened('CHEX', 4, width)).toBe('CHEX');
  expect(shortened('Smallest filters', 10, width)).toBe('Smallest…');
  expect(shortened('🌱🌱🌱🌱', 3, width)).toBe('🌱🌱…');
  expect(shortened('abc', 0, width)).toBe('…');
});
