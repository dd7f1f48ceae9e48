import { InfeasibleBudgetError, problemOf } from '../../core/density/index.ts';
import type { CropRequest } from '../../core/density/index.ts';
import type { Network } from '../../core/network/index.ts';
import type { OptionField, OptionSetting, OptionValue } from '../../core/spec/options.ts';
import { type Budget, budgetsOf } from '../../core/spec/spec.ts';

export const SOURCES = ['synexp', 'synflow', 'snip', 'grasp', 'erk', 'uniform'] as const;
export type Source = (typeof SOURCES)[number];

export const OPTIONS: readonly OptionField[] = [
  {
    key: 'densities',
    type: 'choice',
    label: 'Densities',
    help: 'Where the share of weights of each layer comes from: a convex problem, a score at initialisation, or a rule.',
    source: 'paper',
    choices: [
      { value: 'synexp', label: 'SynExp (optimal)' },
      { value: 'synflow', label: 'SynFlow' },
      { value: 'snip', label: 'SNIP' },
      { value: 'grasp', label: 'GraSP' },
      { value: 'erk', label: 'ERK' },
      { value: 'uniform', label: 'Uniform' },
    ],
    default: () => 'synexp',
  },
  {
    key: 'passes',
    type: 'integer',
    label: 'SynFlow passes',
    help: 'Rounds of scoring and masking of SynFlow; in a single one layers can vanish.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 30,
  },
  {
    key: 'minimum',
    type: 'integer',
    label: 'Smallest width',
    help: 'Channels that every cropped layer keeps at least.',
    source: 'ours',
    min: 1,
    max: 64,
    step: 1,
    default: () => 2,
  },
  {
    key: 'multipleOf',
    type: 'integer',
    label: 'Widths in multiples of',
    help: 'Cropped widths are multiples of this; 1 leaves them free. A layer may always stay whole.',
    source: 'ours',
    min: 1,
    max: 64,
    step: 1,
    default: () => 1,
  },
  {
    key: 'preConfig',
    type: 'boolean',
    label: 'PreConfig',
    help: 'Lets layers get wider than in the model, up to four times, under both budgets.',
    source: 'paper',
    default: () => false,
  },
];

/** What to crop, but for densities that are given. Throws a sentence naming the key when no budget is given. */
export function requestOf(
  network: Network,
  budget: Budget | readonly Budget[] | undefined,
  options: Readonly<Record<string, OptionValue>>,
): CropRequest {
  const budgets = budgetsOf(budget);
  if (budgets.length === 0) throw new Error('scheme.budget: PreCrop needs a budget of parameters, of macs, or both');
  return {
    network,
    budgets,
    preConfig: options['preConfig'] === true,
    minimum: Number(options['minimum']),
    multipleOf: Number(options['multipleOf']),
  };
}

/** Options and budgets that contradict each other, or a budget that no widths meet: a sentence with the key's path. */
export function check({ network, budget, options }: OptionSetting): string | null {
  if (options['preConfig'] === true) {
    if (options['densities'] !== 'synexp') return 'scheme.preConfig: PreConfig finds its own densities; choose synexp';
    if (budgetsOf(budget).length < 2) {
      return 'scheme.preConfig: needs both budgets, or it widens what the other does not count; give a list of parameters and macs';
    }
  }
  // Without a spec there is nothing to be met yet.
  if (budget === undefined) return null;
  try {
    problemOf(requestOf(network, budget, options));
    return null;
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return `${pathOf(budget, error)}: ${error.message}`;
    throw error;
  }
}

function pathOf(budget: Budget | readonly Budget[], { kind }: InfeasibleBudgetError): string {
  const index = budgetsOf(budget).findIndex((one) => one.kind === kind);
  return 'kind' in budget ? 'scheme.budget.keep' : `scheme.budget.${index}.keep`;
}
