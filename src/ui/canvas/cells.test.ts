import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cellAt, layOutCells, stateOf } from './cells.ts';

test('every cell of a layer lies inside its width and is found again at its centre', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 1_280 }),
      fc.integer({ min: 60, max: 1_200 }),
      fc.integer({ min: 8, max: 24 }),
      (channels, width, largest) => {
        const layout = layOutCells(channels, width, largest);
        expect(layout.perLine * layout.size).toBeLessThanOrEqual(width);
        expect(layout.lines * layout.perLine).toBeGreaterThanOrEqual(channels);
        for (const channel of [0, channels >> 1, channels - 1]) {
          const x = (channel % layout.perLine) * layout.size + layout.size / 2;
          const y = Math.floor(channel / layout.perLine) * layout.size + layout.size / 2;
          expect(cellAt(layout, channels, x, y)).toBe(channel);
        }
        expect(cellAt(layout, channels, -1, 0)).toBeNull();
      },
    ),
  );
});

test('a cell shows what was switched by hand over what the run has, and that a layer is never pruned', () => {
  const off = { fate: 'off', since: 0, timesOff: 1, offs: [], reason: undefined } as const;
  const kept = { ...off, fate: 'kept' } as const;
  expect(stateOf(kept, true)).toBe('kept');
  expect(stateOf(kept, true, false)).toBe('switchedOff');
  expect(stateOf(off, true, true)).toBe('switchedOn');
  expect(stateOf(off, true, false)).toBe('off');
  expect(stateOf(kept, false)).toBe('fixed');
  expect(stateOf(off, false)).toBe('off');
});
