import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Tick } from '../../core/events/ticks.ts';
import {
  checkpointBefore,
  laneAt,
  layOutStrip,
  snappedStep,
  stepAtX,
  ticksNear,
  ticksToDraw,
  xOfStep,
} from './strip.ts';

const tick = (step: number, kind: Tick['kind'] = 'prune'): Tick => ({ step, kind, label: `${kind} ${step}` });

describe('the time line', () => {
  test('every step lies within it and, where there is a pixel a step, is found again', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 100, max: 2_000 }),
        fc.nat(),
        (steps, width, any) => {
          const layout = layOutStrip(width, [{ steps }, { steps: 1 }]);
          const step = any % (steps + 1);
          const x = xOfStep(layout, step);
          expect(x).toBeGreaterThan(0);
          expect(x).toBeLessThan(width);
          expect(stepAtX(layout, x)).toBe(step);
          expect(stepAtX(layout, -50)).toBe(0);
          expect(stepAtX(layout, width + 50)).toBe(steps);
        },
      ),
    );
  });

  test('one run or two take little more room than a line of text each', () => {
    expect(layOutStrip(500, [{ steps: 3 }]).height).toBe(20);
    expect(layOutStrip(500, [{ steps: 3 }, { steps: 9 }])).toMatchObject({ height: 26, steps: 9 });
  });

  test('a pointer that is as good as on a mark means it', () => {
    const layout = layOutStrip(1_014, [{ steps: 1_000 }]);
    expect(snappedStep(layout, xOfStep(layout, 103), [0, 100, 200])).toBe(100);
    expect(snappedStep(layout, xOfStep(layout, 110), [0, 100, 200])).toBe(110);
    expect(snappedStep(layout, xOfStep(layout, 110), [])).toBe(110);
  });

  test('ticks that would cover each other are drawn once a kind, evaluations never', () => {
    const layout = layOutStrip(114, [{ steps: 1_000 }]);
    const ticks = [tick(0), tick(1), tick(1, 'regrow'), tick(2, 'evaluate'), tick(500)];
    expect(ticksToDraw(layout, ticks).map((drawn) => drawn.tick.label)).toEqual(['prune 0', 'regrow 1', 'prune 500']);
  });

  test('what happened is told for the row that is pointed at', () => {
    const lanes = [{ ticks: [tick(10), tick(10, 'regrow'), tick(50)] }, { ticks: [tick(12)] }];
    const layout = layOutStrip(214, [{ steps: 100 }, { steps: 100 }]);
    const at = (step: number, row: number) => {
      const lane = laneAt(layout, lanes, (row + 0.5) * layout.row);
      return ticksNear(layout, lane?.ticks ?? [], xOfStep(layout, step)).map(({ label }) => label);
    };
    expect(at(11, 0)).toEqual(['prune 10', 'regrow 10']);
    expect(at(11, 1)).toEqual(['prune 12']);
    expect(at(30, 0)).toEqual([]);
  });
});

test('a fork sets off from the last checkpoint up to the step shown, or from the latest', () => {
  expect(checkpointBefore([0, 20, 40], null)).toBe(40);
  expect(checkpointBefore([0, 20, 40], 39)).toBe(20);
  expect(checkpointBefore([0, 20, 40], 40)).toBe(40);
  expect(checkpointBefore([20], 19)).toBeNull();
  expect(checkpointBefore([], null)).toBeNull();
});
