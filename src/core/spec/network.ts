import { type Network, buildNetwork } from '../network/index.ts';
import type { Scheme } from '../scheme/scheme.ts';
import type { OptionSetting, OptionValue } from './options.ts';
import { type Spec, budgetsOf, totalSteps, warmupSteps } from './spec.ts';

/** The model that a spec names. */
export const modelOf = ({ model }: Pick<Spec, 'model'>): Network => buildNetwork(model.id, model.width);

/**
 * The network that a spec runs: its model (the same object), unless its scheme makes another one of it. Throws what that
 * throws.
 */
export function networkFor(spec: Spec, schemes: readonly Scheme[], network = modelOf(spec)): Network {
  const scheme = schemes.find(({ id }) => id === spec.scheme.id);
  return scheme?.network?.(settingOf(spec, network)) ?? network;
}

/** What defaults and cross-checks of a scheme's options may look at, of a whole spec. */
export function settingOf(spec: Spec, network = modelOf(spec)): OptionSetting {
  const { budget } = spec.scheme;
  return {
    network,
    steps: totalSteps(spec),
    warmupSteps: warmupSteps(spec),
    keep: Math.min(1, ...budgetsOf(budget).map(({ keep }) => keep)),
    budget,
    options: optionsOf(spec),
  };
}

/** The scheme's own options: what stands beside `id` and `budget`. */
export function optionsOf({ scheme }: Pick<Spec, 'scheme'>): Readonly<Record<string, OptionValue>> {
  const options: Record<string, OptionValue> = {};
  for (const [key, value] of Object.entries(scheme)) {
    if (key === 'id' || key === 'budget' || value === undefined) continue;
    options[key] = value as OptionValue;
  }
  return options;
}
