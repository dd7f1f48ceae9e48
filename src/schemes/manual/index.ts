import type { OptionField, OptionSetting } from '../../core/spec/options.ts';
import type { KeptChannels } from '../../core/spec/options.ts';
import type { Scheme } from '../../core/scheme/scheme.ts';
import { resolveKeep } from './keep.ts';
import { ManualRun } from './run.ts';

const OPTIONS: readonly OptionField[] = [
  {
    key: 'at',
    type: 'integer',
    label: 'Prune at step',
    help: 'Training steps before the channels are cut; 0 cuts the network that training starts from.',
    source: 'ours',
    min: 0,
    max: 10_000_000,
    step: 1,
    default: () => 0,
  },
  {
    key: 'keep',
    type: 'channels',
    label: 'Channels to keep',
    help: 'By convolution, the channels that stay, or a width: as many with the largest L1 norms. Layers not named keep all.',
    source: 'ours',
    default: () => ({}),
  },
];

function check({ network, steps, options }: OptionSetting): string | null {
  const at = Number(options['at']);
  if (at > steps)
    return `scheme.at: the pruning (step ${at}) comes after the run's end (step ${steps}); use at most ${steps}`;
  const resolved = resolveKeep(network, options['keep'] as KeptChannels);
  return resolved.ok ? null : resolved.problem;
}

/** Channels chosen by hand (docs/schemes/baselines.md). */
export const manual: Scheme = {
  id: 'manual',
  title: 'By hand',
  paper: '',
  summary: 'Keeps the channels that you name, layer by layer, and prunes the rest at once: for what-if questions.',
  budgets: [],
  options: OPTIONS,
  check,
  start: (context) => new ManualRun(context),
};
