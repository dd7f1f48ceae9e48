import type { Evaluated } from '../../core/pareto/evaluated.ts';
import { type Better, type Trade, onFront } from '../../core/pareto/pareto.ts';
import type { Measured } from '../../state/measurements.ts';
import { compactNumber } from '../widgets/format.ts';
import { BATCHES, type Sizes, imagesText } from './rows.ts';

/** What accuracy is shown against. */
export interface Cost {
  readonly id: string;
  readonly title: string;
  readonly better: Better;
  /** As short as an axis has room for. */
  readonly tick: (value: number) => string;
  /** To the last digit that counts, with its unit. */
  readonly text: (value: number) => string;
  /** Of a checkpoint; null where it is not known. */
  readonly of: (evaluated: Evaluated, measured: Measured | undefined) => number | null;
  /** Of the dense network; null where it is not known. */
  readonly dense: (sizes: Sizes, measured: Measured | undefined) => number | null;
  /** Known only once the structure was measured. */
  readonly measured: boolean;
}

/** 1.5 M, 300 k: without zeros at the end. */
const short = (value: number): string =>
  compactNumber(value)
    .replace(/(\.\d*?)0+( |$)/, '$1$2')
    .replace(/\.( |$)/, '$1');
const bytesTick = (value: number): string => short(value).replace(/\d$/, '$& ') + 'B';
const whole = (value: number): string => Math.round(value).toLocaleString('en');
const milliseconds = (value: number): string => `${Number(value.toPrecision(4))} ms`;

const sized = (id: keyof Sizes, title: string, unit: '' | 'bytes' = ''): Cost => ({
  id,
  title,
  better: 'less',
  tick: (value) => (unit === '' ? short(value) : bytesTick(value)),
  text: (value) => `${whole(value)}${unit && ` ${unit}`}`,
  of: (evaluated) => evaluated[id],
  dense: (sizes) => sizes[id],
  measured: false,
});

const latency = (batch: number): Cost => {
  const of = (measured: Measured | undefined): number | null =>
    measured?.latencyMs.find((one) => one.batch === batch)?.median ?? null;
  return {
    id: `latency${batch}`,
    title: `Latency, ${imagesText(batch)}`,
    better: 'less',
    tick: (value) => `${Number(value.toPrecision(3))} ms`,
    text: milliseconds,
    of: (_, measured) => of(measured),
    dense: (_, measured) => of(measured),
    measured: true,
  };
};

export const COSTS: readonly Cost[] = [
  sized('macs', 'MACs'),
  sized('parameters', 'Parameters'),
  sized('bytes', 'Size in bytes', 'bytes'),
  ...BATCHES.map(latency),
  {
    id: 'speed',
    title: 'Training images/s',
    better: 'more',
    tick: short,
    text: (value) => `${whole(value)} images/s`,
    of: ({ imagesPerSecond }) => imagesPerSecond,
    dense: () => null,
    measured: false,
  },
];

/** A run as the chart takes it. */
export interface ParetoRun {
  readonly run: number;
  readonly name: string;
  readonly colour: number;
  readonly evaluated: readonly Evaluated[];
  /** Of the dense network that its spec names. */
  readonly dense: Sizes;
  /** Whether it is a dense run: nothing is ever pruned. */
  readonly isDense: boolean;
}

/** An evaluated checkpoint with the chosen cost. */
export interface Dot extends Trade {
  readonly run: number;
  readonly name: string;
  readonly colour: number;
  readonly step: number;
  /** Whether no other dot dominates it. */
  readonly front: boolean;
  /** Whether it is where a dense run stands now. */
  readonly dense: boolean;
  /** Its cost as a share of the dense network's; null where that is not known. */
  readonly ratio: number | null;
}

/** The dots of all runs whose cost is known, and of how many. */
export function dotsOf(
  runs: readonly ParetoRun[],
  cost: Cost,
  measuredOf: (run: number, key: string) => Measured | undefined,
): { readonly dots: readonly Dot[]; readonly of: number } {
  const dots = runs.flatMap(({ run, name, colour, evaluated, dense, isDense }) => {
    const reference = cost.dense(dense, measuredOf(run, 'dense'));
    const last = evaluated.at(-1);
    return evaluated.flatMap((one) => {
      const value = cost.of(one, measuredOf(run, one.key));
      if (value === null || !(value > 0)) return [];
      const { step, accuracy } = one;
      const ratio = reference === null ? null : value / reference;
      return [{ run, name, colour, step, accuracy, cost: value, ratio, dense: isDense && one === last }];
    });
  });
  const front = onFront(dots, cost.better);
  const of = runs.reduce((sum, { evaluated }) => sum + evaluated.length, 0);
  return { dots: dots.map((dot, index) => ({ ...dot, front: front[index] ?? false })), of };
}

/** The structures of a run's checkpoints that were not measured, each with the first step that has it. */
export function unmeasured(
  { run, evaluated }: Pick<ParetoRun, 'run' | 'evaluated'>,
  measuredOf: (run: number, key: string) => Measured | undefined,
): readonly Evaluated[] {
  const first = new Map<string, Evaluated>();
  for (const one of evaluated) if (!first.has(one.key) && !measuredOf(run, one.key)) first.set(one.key, one);
  return [...first.values()];
}
