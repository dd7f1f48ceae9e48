import type { OptionItem, OptionValue } from '../../core/spec/options.ts';
import type { Choice } from '../../core/sparsity/index.ts';

/** One entry of the list of stages: when it prunes, what, and how its mask is chosen. */
export type Stage = {
  /** Updates before it. */
  readonly at: number;
  readonly choose: Choice;
} & (
  | { readonly granularity: 'map' | 'kernel'; /** Share of the units still there that stay. */ readonly keep: number }
  | { readonly granularity: 'stride'; readonly stride: number }
);

/** How masks are searched for; the same in every stage. */
export interface SearchSettings {
  /** N_c of best-of-N. */
  readonly candidates: number;
  readonly particles: number;
  readonly rounds: number;
  readonly power: number;
  readonly noise: number;
  readonly crossover: number;
  /** Held-out images that score a candidate, at most. */
  readonly images: number;
  readonly compare: boolean;
}

export interface Settings {
  readonly stages: readonly Stage[];
  /** Whether all kernels that leave a source map keep the same taps. */
  readonly constraint: boolean;
  readonly search: SearchSettings;
  /** Training batches for new running statistics after every stage; 0 for none. */
  readonly recalibrate: number;
  /** Word length and the step of the fixed-point stage; null without one. */
  readonly fixedPoint: { readonly bits: number; readonly at: number } | null;
}

type Options = Readonly<Record<string, OptionValue>>;

export function settingsOf(options: Options): Settings {
  const { constraint, compare, recalibrate, bits, bitsAt } = options;
  const number = (key: string): number => Number(options[key]);
  return {
    stages: stagesOf(options),
    constraint: constraint === true,
    search: {
      candidates: number('candidates'),
      particles: number('particles'),
      rounds: number('rounds'),
      power: number('power'),
      noise: number('noise'),
      crossover: number('crossover'),
      images: number('images'),
      compare: compare === true,
    },
    recalibrate: Number(recalibrate),
    fixedPoint: bits === 'off' ? null : { bits: Number(bits), at: Number(bitsAt) },
  };
}

export function stagesOf({ stages }: Options): readonly Stage[] {
  return Array.isArray(stages) ? stages.map(stageOf) : [];
}

function stageOf({ granularity, at, keep, stride, choose }: OptionItem): Stage {
  const common = { at: Number(at), choose: choose as Choice };
  return granularity === 'stride'
    ? { ...common, granularity, stride: Number(stride) }
    : { ...common, granularity: granularity === 'kernel' ? 'kernel' : 'map', keep: Number(keep) };
}
