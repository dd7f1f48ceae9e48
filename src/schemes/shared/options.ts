import type { OptionField, OptionSetting } from '../../core/spec/options.ts';
import { lastPruning, scheduleOf } from './schedule.ts';

export type Scope = 'local' | 'global';

/** What differs between the schemes that rank channels. */
export interface RankingDefaults {
  /** Whose ranking is the default, and whose choice that is; absent where only the same share of every layer makes sense. */
  readonly scope?: { readonly value: Scope; readonly source: OptionField['source'] };
  /** First step at which it can prune at all: 0 before any training, 1 where the running network must be measured. */
  readonly earliest: 0 | 1;
  /** Default step of the first pruning: at the very start, or half-way, when the network has learnt something. */
  readonly at: 'start' | 'half';
}

const LONGEST = 10_000_000;

/** The options that all ranking schemes share. */
export function rankingOptions({ scope, earliest, at }: RankingDefaults): readonly OptionField[] {
  return [...(scope ? [scopeOption(scope)] : []), ...scheduleOptions(earliest, at), MINIMUM];
}

const scopeOption = ({ value, source }: { value: Scope; source: OptionField['source'] }): OptionField => ({
  key: 'scope',
  type: 'choice',
  label: 'Ranking',
  help: 'Local: each layer loses the same share, its lowest scores. Global: one ranking over all layers decides how many each loses.',
  source,
  choices: [
    { value: 'local', label: 'Local (same share of each layer)' },
    { value: 'global', label: 'Global (one ranking)' },
  ],
  default: () => value,
});

const scheduleOptions = (earliest: 0 | 1, at: RankingDefaults['at']): readonly OptionField[] => [
  {
    key: 'iterations',
    type: 'integer',
    label: 'Prunings',
    help: 'One-shot (1), or iterative: that many prunings, after each of which the removed share has grown by the same amount.',
    source: 'ours',
    min: 1,
    max: 1_000,
    step: 1,
    default: () => 1,
  },
  {
    key: 'at',
    type: 'integer',
    label: 'Prune at step',
    help: 'Training steps before the first pruning.',
    source: 'ours',
    min: earliest,
    max: LONGEST,
    step: 1,
    default: ({ steps }) => (at === 'start' ? earliest : Math.max(1, Math.round(steps / 2))),
  },
  {
    key: 'every',
    type: 'integer',
    label: 'Steps between prunings',
    help: 'Steps of training from one pruning to the next, where there are several.',
    source: 'ours',
    min: 1,
    max: LONGEST,
    step: 1,
    // All prunings within a quarter of the run.
    default: ({ steps, options }) => Math.max(1, Math.round(steps / (4 * Number(options['iterations'])))),
  },
];

const MINIMUM: OptionField = {
  key: 'minimum',
  type: 'integer',
  label: 'Smallest width',
  help: 'Channels that every layer keeps at least; a global ranking without such a floor can empty a layer.',
  source: 'ours',
  min: 1,
  max: 64,
  step: 1,
  default: () => 1,
};

/** A schedule that does not fit the run: a sentence that starts with the key's path, or null. */
export function checkSchedule({ steps, options }: OptionSetting): string | null {
  const schedule = scheduleOf(options);
  const { at, iterations } = schedule;
  const end = `the run's end (step ${steps})`;
  if (at > steps) return `scheme.at: the first pruning (step ${at}) comes after ${end}; use at most ${steps}`;
  if (lastPruning(schedule) <= steps) return null;
  if (at + iterations - 1 > steps) {
    return `scheme.iterations: ${iterations} prunings from step ${at} on do not fit before ${end}; use at most ${steps - at + 1}`;
  }
  const most = Math.floor((steps - at) / (iterations - 1));
  return `scheme.every: the last of ${iterations} prunings (step ${lastPruning(schedule)}) comes after ${end}; use at most ${most}`;
}
