import type { Network } from '../network/index.ts';
import type { Budget } from './spec.ts';

/** Options of a scheme as data: the page's form, the spec's validation and the documentation all come from one list. */
export type OptionValue = number | string | boolean | KeptChannels;

/** By layer, the channels that stay, or how many of them. */
export type KeptChannels = Readonly<Record<string, number | readonly number[]>>;
export type OptionValues = Readonly<Record<string, OptionValue | undefined | object>>;

interface FieldBase<Value extends OptionValue> {
  readonly key: string;
  readonly label: string;
  /** One sentence for a tooltip and for the docs. */
  readonly help: string;
  /** Whether the value is the paper's, its code's, or our choice; shown beside the control. */
  readonly source: 'paper' | 'code' | 'ours';
  /** The value where the spec says nothing; may depend on the rest of the spec. */
  readonly default: (setting: OptionSetting) => Value;
}

export type OptionField =
  | (FieldBase<number> & {
      readonly type: 'number' | 'integer';
      readonly min: number;
      readonly max: number;
      readonly step: number;
    })
  | (FieldBase<string> & {
      readonly type: 'choice';
      readonly choices: readonly { readonly value: string; readonly label: string }[];
    })
  | (FieldBase<boolean> & { readonly type: 'boolean' })
  | (FieldBase<KeptChannels> & { readonly type: 'channels' });

/** What defaults and cross-checks may look at: the rest of the run, and the options already settled (list order). */
export interface OptionSetting {
  readonly network: Network;
  readonly steps: number;
  readonly warmupSteps: number;
  /** The share to keep: of several budgets the smallest, 1 without any. */
  readonly keep: number;
  /** The budgets themselves, where the spec is known. */
  readonly budget?: Budget | readonly Budget[] | undefined;
  readonly options: Readonly<Record<string, OptionValue>>;
}
