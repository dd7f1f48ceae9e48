import { describe, expect, test } from 'vitest';
import type { RunEvent, StageEvent } from '../../core/events/events.ts';
import { Rewind } from '../../core/events/rewind.ts';
import { emptyView, fold } from '../../core/events/view.ts';
import type { StageLayer, StageReport } from '../../core/sparsity/index.ts';
import { kilobytes, momentsOf, savedRows, savingNotes, stageName, storageRows, timeVerdict } from './stages.ts';

const layer = (id: string, eligible: boolean, kept: number, more: Partial<StageLayer> = {}): StageLayer => ({
  layer: id,
  eligible,
  weights: { dense: 100, kept },
  macs: { dense: 1_000, kept: kept * 10 },
  lowered: null,
  ...more,
});
const latency = (median: number, p95 = median) => ({ batch: 64, median, p95, n: 9 });
const report = (index: number, more: Partial<StageReport> = {}): StageReport => ({
  index,
  granularity: 'map',
  chosen: null,
  units: { units: 40, pruned: 10 },
  shares: { weights: 0.25, macs: 0.2, parameters: 0.2 },
  layers: [layer('a', false, 100), layer('b', true, 80), layer('c', true, 70)],
  structure: { channels: {} },
  storage: { dense: 9_600, compact: 8_000, quantised: null },
  ...more,
});
const stage = (step: number, before: number, more: Partial<StageEvent> = {}, index = 0): StageEvent => ({
  kind: 'stage',
  step,
  report: report(index),
  accuracy: { before, masked: before - 0.2, recalibrated: before - 0.1, images: 500 },
  latencyMs: { before: latency(20), after: latency(15) },
  ...more,
});
const evaluate = (step: number, accuracy: number): RunEvent => ({
  kind: 'evaluate',
  step,
  testLoss: 1,
  testAccuracy: accuracy,
  images: 500,
});

describe('the four moments', () => {
  const log = [
    evaluate(20, 0.3),
    stage(30, 0.5),
    evaluate(30, 0.4),
    evaluate(40, 0.45),
    evaluate(50, 0.48),
    stage(60, 0.49, {}, 1),
    evaluate(60, 0.35),
    evaluate(80, 0.47),
    evaluate(90, 0.46),
  ];

  test('are before, masked, recalibrated and the latest accuracy up to the next stage', () => {
    const view = fold(emptyView(), log);
    expect(momentsOf(view, 0)).toEqual({
      before: 0.5,
      masked: 0.3,
      recalibrated: 0.4,
      retrained: { accuracy: 0.49, step: 60 },
    });
    expect(momentsOf(view, 1)?.retrained).toEqual({ accuracy: 0.46, step: 90 });
    expect(momentsOf(view, 2)).toBeNull();
  });

  test('of every step looked at are those told by then', () => {
    const rewind = new Rewind(1);
    rewind.add(log);
    const retrained = (at: number): readonly (number | null | undefined)[] => {
      const view = rewind.viewAt(at);
      return [0, 1].map((place) => {
        const moments = momentsOf(view, place);
        return moments ? (moments.retrained?.accuracy ?? null) : undefined;
      });
    };
    // Undefined: no such stage yet; null: not trained and evaluated yet.
    expect(retrained(29)).toEqual([undefined, undefined]);
    expect(retrained(30)).toEqual([null, undefined]);
    expect(retrained(39)).toEqual([null, undefined]);
    expect(retrained(40)).toEqual([0.45, undefined]);
    expect(retrained(59)).toEqual([0.48, undefined]);
    expect(retrained(60)).toEqual([0.49, null]);
    expect(retrained(80)).toEqual([0.49, 0.47]);
    expect(retrained(90)).toEqual([0.49, 0.46]);
  });

  test('of a stage that another follows at once have no retraining', () => {
    const view = fold(emptyView(), [stage(30, 0.5), stage(30, 0.3, {}, 1), evaluate(31, 0.4)]);
    expect(momentsOf(view, 0)?.retrained).toBeNull();
    expect(momentsOf(view, 1)?.retrained?.accuracy).toBe(0.4);
  });
});

describe('the four bars', () => {
  test('count units of the stage, eligible weights, all multiply-adds, and time against before the first stage', () => {
    const first = stage(30, 0.5);
    const second = stage(60, 0.5, {
      report: report(1, { granularity: 'kernel', units: { units: 60, pruned: 45 } }),
      latencyMs: { before: latency(15), after: latency(16) },
    });
    const rows = savedRows([first, second], 1);
    expect(rows.map(({ what, now, before }) => [what, now, before])).toEqual([
      ['units', 15, 60],
      ['weights', 150, 200],
      ['macs', 2_500, 3_000],
      ['time', 16, 20],
    ]);
    expect(rows[0]?.label).toBe('Kernels, this stage');
    // The pruned share that the report tells is the one that the bar shows.
    const [, weights] = rows;
    expect(1 - (weights?.now ?? 0) / (weights?.before ?? 1)).toBeCloseTo(first.report.shares.weights, 12);
  });

  test('have no units in the fixed-point stage, and none at all without the stage', () => {
    const bits = stage(30, 0.5, { report: report(0, { granularity: 'bits', units: null }) });
    expect(savedRows([bits], 0).map(({ what }) => what)).toEqual(['weights', 'macs', 'time']);
    expect(savedRows([bits], 1)).toEqual([]);
  });

  test('say when the measured time did not shrink, or by no more than it varies', () => {
    expect(timeVerdict(latency(20), latency(20))).toBe('same');
    expect(timeVerdict(latency(20), latency(21))).toBe('same');
    expect(timeVerdict(latency(20, 22), latency(18.5, 19))).toBe('unclear');
    expect(timeVerdict(latency(20, 21), latency(15, 20.5))).toBe('unclear');
    expect(timeVerdict(latency(20, 21), latency(15, 16))).toBe('shrank');
    const kernels = { count: 1, bits: '' };
    const masked = stage(30, 0.5, {
      report: report(0, { granularity: 'kernel', layers: [layer('b', true, 80, { kernels })] }),
      latencyMs: { before: latency(20), after: latency(20.1) },
    });
    expect(savingNotes([masked], 0)).toEqual([
      'Masked weights are zero, but are multiplied all the same: their MACs are nominal.',
      'The measured time did not shrink.',
    ]);
    expect(savingNotes([stage(30, 0.5)], 0)).toEqual([]);
  });
});

test('storage is listed with the bits that the quantiser has, where there is one', () => {
  expect(storageRows(report(0))).toEqual([
    { label: 'Dense, float32', bits: 9_600 },
    { label: 'Compact, float32', bits: 8_000 },
  ]);
  const layers = [layer('b', true, 80, { quantiser: { bits: 5, step: 0.1 } })];
  expect(
    storageRows(report(0, { layers, storage: { dense: 9_600, compact: 8_000, quantised: 1_282 } })).at(-1),
  ).toEqual({
    label: 'Compact, 5 bits',
    bits: 1_282,
  });
  expect(kilobytes(9_600)).toBe('1.2 kB');
  expect(kilobytes(32 * 286_560)).toBe('1,146 kB');
});

test('stages are counted from 1', () => {
  expect(stageName(0, 'map')).toBe('1: feature maps');
  expect(stageName(2, 'bits')).toBe('3: fixed point');
});
