import type { LatencyRecord } from '../../core/events/events.ts';
import type { Measured } from '../../state/measurements.ts';

/** Batch sizes of inference that are measured. */
export const BATCHES: readonly number[] = [1, 64];

/** What follows from a network alone. */
export interface Sizes {
  readonly macs: number;
  readonly parameters: number;
  readonly bytes: number;
}

/** Two networks, or what was measured of them. */
export interface Pair<Value> {
  readonly dense: Value;
  readonly now: Value;
}

/** A line of the table. Ratios are those of now to dense. */
export interface MeasuredRow {
  readonly what: 'macs' | 'parameters' | 'bytes' | 'latency' | 'training';
  readonly label: string;
  /** Null where nothing was measured. */
  readonly values: Pair<number> | null;
  /** Of a latency: median, 95th percentile and samples. */
  readonly records: Pair<LatencyRecord> | null;
  readonly ratio: number | null;
  /** Ratio if time followed the MACs, and size the parameters; null where there is nothing to predict. */
  readonly theory: number | null;
}

export function rowsOf(sizes: Pair<Sizes>, measured: Pair<Measured> | null): readonly MeasuredRow[] {
  const { dense, now } = sizes;
  const row = (
    what: MeasuredRow['what'],
    label: string,
    values: Pair<number> | null,
    theory: number | null,
    records: Pair<LatencyRecord> | null = null,
  ): MeasuredRow => ({ what, label, values, records, ratio: values && ratioOf(values), theory });
  const counted = (key: keyof Sizes): Pair<number> => ({ dense: dense[key], now: now[key] });
  const macs = ratioOf(counted('macs'));
  const speeds = measured && speedsOf(measured);
  return [
    row('macs', 'MACs', counted('macs'), null),
    row('parameters', 'Parameters', counted('parameters'), null),
    row('bytes', 'Size', counted('bytes'), ratioOf(counted('parameters'))),
    ...BATCHES.map((batch) => {
      const records = measured && latenciesOf(measured, batch);
      const values = records && { dense: records.dense.median, now: records.now.median };
      return row('latency', `Latency, ${imagesText(batch)}`, values, macs, records);
    }),
    row('training', 'Training images/s', speeds, macs > 0 ? 1 / macs : null),
  ];
}

export const imagesText = (batch: number): string => (batch === 1 ? '1 image' : `${batch} images`);

const ratioOf = ({ dense, now }: Pair<number>): number => (dense > 0 ? now / dense : 1);

function latenciesOf({ dense, now }: Pair<Measured>, batch: number): Pair<LatencyRecord> | null {
  const of = ({ latencyMs }: Measured): LatencyRecord | undefined => latencyMs.find((one) => one.batch === batch);
  const [before, after] = [of(dense), of(now)];
  return before && after ? { dense: before, now: after } : null;
}

function speedsOf({ dense, now }: Pair<Measured>): Pair<number> | null {
  const [before, after] = [dense.imagesPerSecond, now.imagesPerSecond];
  return before === null || after === null ? null : { dense: before, now: after };
}

/** How much less time something takes than dense. */
export interface Saving {
  readonly label: string;
  /** Share of the dense network's time; below 0: it takes longer. */
  readonly saved: number;
  /** Whether the difference is no larger than what 95 % of the samples differ from their median by. */
  readonly unclear: boolean;
}

/** What the measured rows save of the dense network's time. */
export function savingsOf(rows: readonly MeasuredRow[]): readonly Saving[] {
  return rows.flatMap(({ what, label, records, ratio }): Saving[] => {
    if (ratio === null || (what !== 'latency' && what !== 'training')) return [];
    if (what === 'training') return [{ label: 'in training', saved: 1 - 1 / ratio, unclear: false }];
    const spread = records
      ? Math.max(records.dense.p95 - records.dense.median, records.now.p95 - records.now.median)
      : 0;
    const difference = records ? Math.abs(records.dense.median - records.now.median) : 0;
    const images = label.replace('Latency, ', 'with ');
    return [{ label: images, saved: 1 - ratio, unclear: difference <= spread }];
  });
}

/** Of what the MACs promise less is worth a sentence, where this share of it is not reached. */
const NEARLY = 0.75;
/** Fewer MACs than this share promise nothing that could be seen. */
const NOTHING = 0.98;

/** What the numbers say of theory on this adapter, in sentences; empty before something was measured. */
export function verdictOf(rows: readonly MeasuredRow[]): string {
  const savings = savingsOf(rows);
  const macs = rows.find(({ what }) => what === 'macs')?.ratio ?? 1;
  if (savings.length === 0) return '';
  const told = savings.map(
    ({ label, saved, unclear }) => `${change(saved)} ${label}${unclear ? ' (within its spread)' : ''}`,
  );
  const measured = `measured: ${listed(told)}.`;
  if (macs >= NOTHING) return `With ${share(macs)} of the MACs theory promises no less time; ${measured}`;
  const promised = 1 - macs;
  const behind = savings.filter(({ saved }) => saved < NEARLY * promised);
  const least = savings.reduce((a, b) => (b.saved < a.saved ? b : a));
  return [
    `The MACs promise ${share(promised)} less time; ${measured}`,
    behind.length === 0
      ? 'On this adapter time nearly follows the MACs.'
      : behind.length < savings.length
        ? `On this adapter layers do not always get faster in proportion: least ${least.label}.`
        : 'On this adapter small layers do not get faster in proportion.',
  ].join(' ');
}

const share = (value: number): string => `${Math.round(value * 100)} %`;
const change = (saved: number): string =>
  Math.round(saved * 100) === 0 ? 'as long' : `${share(Math.abs(saved))} ${saved > 0 ? 'less' : 'more'}`;
const listed = (items: readonly string[]): string =>
  items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
