import type { Network } from '../network/index.ts';
import type { Budget } from './spec.ts';

/** Options of a scheme as data: the page's form, the spec's validation and the documentation all come from one list. */
export type OptionValue = PlainValue | KeptChannels | OptionList;
export type PlainValue = number | string | boolean;

/** Entries in order, each an object of plain values. */
export type OptionList = readonly OptionItem[];
export type OptionItem = Readonly<Record<string, PlainValue>>;

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
  /** The value where the spec says nothing; may depend on the rest of the spec and, in a list, on the entry's place. */
  readonly default: (setting: OptionSetting, index?: number) => Value;
}

export type OptionField =
  | PlainField
  | (FieldBase<KeptChannels> & { readonly type: 'channels' })
  | (FieldBase<OptionList> & {
      readonly type: 'list';
      /** What one entry is called, as in "Stage". */
      readonly entry: string;
      readonly item: readonly ItemField[];
      /** Fewest and most entries. */
      readonly least: number;
      readonly most: number;
    });

/** A key of a list's entries. */
export type ItemField = PlainField & {
  /**
   * For keys that not every entry takes: whether one with these values of the fields before it does, and for which, in
   * words that follow "it is", such as `for granularity "stride" only`.
   */
  readonly only?: { readonly when: string; taken(item: OptionItem): boolean };
  /** Belongs to the place in the list: when entries change places, it stays. Such as the step of a stage. */
  readonly ofPlace?: true;
};

export type PlainField =
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
  | (FieldBase<boolean> & { readonly type: 'boolean' });

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
