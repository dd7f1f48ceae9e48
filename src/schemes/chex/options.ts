import type { OptionField, OptionSetting } from '../../core/spec/options.ts';

const number = (setting: OptionSetting, key: string): number => Number(setting.options[key]);

/** CHEX's options. `regrow`, `every`, `until` are the public names of delta_0, Delta T and T_max. */
export const chexOptions: readonly OptionField[] = [
  {
    key: 'regrow',
    type: 'number',
    label: 'Regrow share',
    help: 'Share of channels that an update switches back on at the start (δ₀); it shrinks to zero by the last update.',
    source: 'ours',
    min: 0,
    max: 1,
    step: 0.01,
    default: ({ keep }) => Math.round(0.4 * (1 - keep) * 1_000) / 1_000,
  },
  {
    key: 'until',
    type: 'integer',
    label: 'Explore until step',
    help: 'Step of the last update (T_max); afterwards the network that was found trains on, unchanged.',
    source: 'ours',
    min: 1,
    max: 10_000_000,
    step: 1,
    default: ({ steps }) => Math.max(1, Math.round(0.7 * steps)),
  },
  {
    key: 'every',
    type: 'integer',
    label: 'Update every',
    help: 'Steps between two updates (ΔT). One more always happens at the last step of exploring.',
    source: 'ours',
    min: 1,
    max: 10_000_000,
    step: 1,
    default: (setting) => Math.max(1, Math.round(number(setting, 'until') / 10)),
  },
  {
    key: 'minimum',
    type: 'integer',
    label: 'Smallest width',
    help: 'Channels that every layer keeps at least; the method itself has no such floor and can empty a layer.',
    source: 'ours',
    min: 1,
    max: 64,
    step: 1,
    default: () => 1,
  },
  {
    key: 'rule',
    type: 'choice',
    label: 'How many to regrow',
    help: 'The paper gives every layer the same share of its full width; the released code ranks BN scales again, so that no layer can ever get wider.',
    source: 'paper',
    choices: [
      { value: 'paper', label: 'Share of each layer (paper)' },
      { value: 'code', label: 'Global ranking (code)' },
    ],
    default: () => 'paper',
  },
  {
    key: 'residual',
    type: 'choice',
    label: 'Regrow by',
    help: 'What the draw prefers: the squared distance from the span of the kept channels (paper), or the distance itself (code).',
    source: 'paper',
    choices: [
      { value: 'squared', label: 'Squared residual (paper)' },
      { value: 'norm', label: 'Residual norm (code)' },
    ],
    default: () => 'squared',
  },
  {
    key: 'values',
    type: 'choice',
    label: 'Regrown channels start with',
    help: 'Their most recently used weights (paper); silent (outgoing weights zero, the rest most recently used); or new random weights.',
    source: 'paper',
    choices: [
      { value: 'mru', label: 'Most recently used (paper)' },
      { value: 'zero', label: 'Zero outgoing weights (ours)' },
      { value: 'random', label: 'New random weights (ours)' },
    ],
    default: () => 'mru',
  },
  {
    key: 'decay',
    type: 'choice',
    label: 'Regrow decay',
    help: 'How the regrow share shrinks: a cosine (paper); earlier scripts of the authors have the other two.',
    source: 'paper',
    choices: [
      { value: 'cosine', label: 'Cosine (paper)' },
      { value: 'linear', label: 'Linear (code)' },
      { value: 'constant', label: 'Constant before the last update (code)' },
    ],
    default: () => 'cosine',
  },
];

/** Options that contradict each other or the run: a sentence that starts with the key's path, or null. */
export function checkChex(setting: OptionSetting): string | null {
  const { steps, warmupSteps, keep } = setting;
  const [until, every, regrow] = [number(setting, 'until'), number(setting, 'every'), number(setting, 'regrow')];
  const sparsity = Math.round((1 - keep) * 1_000) / 1_000;
  if (steps < 2) return `scheme.until: a run of ${steps} step is too short for an update; use at least 2 steps`;
  if (until > steps) {
    return `scheme.until: the last update (step ${until}) comes after the run's end (step ${steps}); use at most ${steps}`;
  }
  if (until < warmupSteps) {
    return (
      `scheme.until: the run is too short for an update, because exploring ends at step ${until}, within the warm-up ` +
      `of ${warmupSteps} steps; use at least ${warmupSteps}, or a shorter train.warmup`
    );
  }
  if (every > until) {
    return `scheme.every: ${every} steps between updates leave none up to step ${until} (scheme.until); use at most ${until}`;
  }
  if (regrow > 1 - keep + 1e-9) {
    return `scheme.regrow: ${regrow} is more than the share that is pruned (${sparsity}, 1 - scheme.budget.keep); use at most ${sparsity}`;
  }
  return null;
}
