import type { LatencyRecord, StageEvent } from '../../core/events/events.ts';
import type { RunView } from '../../core/events/view.ts';
import type { Granularity, StageReport } from '../../core/sparsity/index.ts';

const GRANULARITY_NAMES: Readonly<Record<StageReport['granularity'], string>> = {
  map: 'feature maps',
  kernel: 'kernels',
  stride: 'strided taps',
  bits: 'fixed point',
};
export const granularityName = (granularity: Granularity | 'bits'): string => GRANULARITY_NAMES[granularity];

/** How a stage is called wherever it is listed; places count from 1. */
export const stageName = (index: number, granularity: Granularity | 'bits'): string =>
  `${index + 1}: ${granularityName(granularity)}`;

/** Accuracies on the test images, 0 to 1, in the order in which they were measured. */
export interface Moments {
  readonly before: number;
  readonly masked: number;
  /** Null where running statistics were not computed anew. */
  readonly recalibrated: number | null;
  /** After the latest training that belongs to this stage, and the step of that evaluation; null: not yet. */
  readonly retrained: { readonly accuracy: number; readonly step: number } | null;
}

/** The same with what the stage is called, when it was, and how many test images the first three are on. */
export interface StageMoments extends Moments {
  readonly name: string;
  readonly step: number;
  readonly images: number;
}

/**
 * The four moments of a stage. Retrained is the latest evaluation after its step and before the next stage, whose own
 * `before` is the last word; an evaluation at the very step of a stage sees no training since.
 */
export function momentsOf({ stages, test }: Pick<RunView, 'stages' | 'test'>, place: number): Moments | null {
  const stage = stages[place];
  if (!stage) return null;
  const { before, masked, recalibrated } = stage.accuracy;
  const next = stages[place + 1];
  const evaluations = [
    ...test.filter(({ step }) => step > stage.step && (next === undefined || step < next.step)),
    ...(next && next.step > stage.step ? [{ step: next.step, accuracy: next.accuracy.before }] : []),
  ];
  const last = evaluations.at(-1);
  return { before, masked, recalibrated, retrained: last ? { accuracy: last.accuracy, step: last.step } : null };
}

/** One of the four bars: what is there now of what there was before, and what the two count. */
export interface SavedRow {
  readonly what: 'units' | 'weights' | 'macs' | 'time';
  readonly label: string;
  readonly now: number;
  readonly before: number;
}

const UNIT_NAMES: Readonly<Record<Granularity, string>> = {
  map: 'Feature maps',
  kernel: 'Kernels',
  stride: 'Taps',
};

/**
 * Units, weights, multiply-adds and measured milliseconds after a stage. Units are those of the stage alone; the rest is
 * against the dense network, of which time was measured before the first stage. Without units in the fixed-point stage.
 */
export function savedRows(stages: readonly StageEvent[], place: number): readonly SavedRow[] {
  const stage = stages[place];
  const first = stages[0];
  if (!stage || !first) return [];
  const { units, granularity, layers } = stage.report;
  const sum = (values: readonly { readonly dense: number; readonly kept: number }[]) => ({
    now: values.reduce((total, { kept }) => total + kept, 0),
    before: values.reduce((total, { dense }) => total + dense, 0),
  });
  const { batch, median } = stage.latencyMs.after;
  return [
    ...(units && granularity !== 'bits'
      ? [
          {
            what: 'units' as const,
            label: `${UNIT_NAMES[granularity]}, this stage`,
            now: units.units - units.pruned,
            before: units.units,
          },
        ]
      : []),
    {
      what: 'weights',
      label: 'Weights, eligible layers',
      ...sum(layers.filter(({ eligible }) => eligible).map(({ weights }) => weights)),
    },
    { what: 'macs', label: 'MACs, one image', ...sum(layers.map(({ macs }) => macs)) },
    { what: 'time', label: `Measured, batch of ${batch}`, now: median, before: first.latencyMs.before.median },
  ];
}

/** Whether a measured time shrank by more than its own spread (95th percentile less median, of the wider one). */
export function timeVerdict(before: LatencyRecord, after: LatencyRecord): 'shrank' | 'unclear' | 'same' {
  const saved = before.median - after.median;
  const spread = Math.max(before.p95 - before.median, after.p95 - after.median);
  if (saved <= 0) return 'same';
  return saved > spread ? 'shrank' : 'unclear';
}

/** Why nothing was saved where one expects it: plain sentences, at most one for masks and one for time. */
export function savingNotes(stages: readonly StageEvent[], place: number): readonly string[] {
  const stage = stages[place];
  const first = stages[0];
  if (!stage || !first) return [];
  const masked = stage.report.layers.some(({ kernels, free }) => kernels !== undefined || free !== undefined);
  const verdict = timeVerdict(first.latencyMs.before, stage.latencyMs.after);
  return [
    ...(masked ? ['Masked weights are zero, but are multiplied all the same: their MACs are nominal.'] : []),
    ...(verdict === 'same' ? ['The measured time did not shrink.'] : []),
    ...(verdict === 'unclear' ? ['The measured time shrank by no more than it varies.'] : []),
  ];
}

export interface StorageRow {
  readonly label: string;
  readonly bits: number;
}

/** What the weights take: dense, what is left with its patterns, and in fixed point where there is that. */
export function storageRows({ storage, layers }: Pick<StageReport, 'storage' | 'layers'>): readonly StorageRow[] {
  const bits = [...new Set(layers.flatMap(({ quantiser }) => quantiser?.bits ?? []))].toSorted((a, b) => a - b);
  return [
    { label: 'Dense, float32', bits: storage.dense },
    { label: 'Compact, float32', bits: storage.compact },
    ...(storage.quantised === null
      ? []
      : [{ label: `Compact, ${bits.join(' and ') || 'fewer'} bits`, bits: storage.quantised }]),
  ];
}

/** 1,234 kB or 12.3 kB: of 1,000 bytes. */
export function kilobytes(bits: number): string {
  const value = bits / 8_000;
  return `${value >= 100 ? Math.round(value).toLocaleString('en') : value.toFixed(1)} kB`;
}
