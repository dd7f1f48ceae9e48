import { type Network, parametersOf, sizeOf, trained } from '../core/network/index.ts';
import type { Penalty, UpdateRule } from './engine.ts';
import type { ParameterStore } from './store.ts';

/** Rules of the update by tensor name; arrays full-size. */
export type Rules = ReadonlyMap<string, UpdateRule>;

/** Throws a sentence when a rule names a tensor that is not trained, or an array or a quantiser does not fit. */
export function checkRules(network: Network, rules: Rules): void {
  const sizes = new Map(
    parametersOf(network).flatMap(({ name, role, shape }) => (trained(role) ? [[name, sizeOf(shape)] as const] : [])),
  );
  for (const [name, rule] of rules) {
    const size = sizes.get(name);
    if (size === undefined) throw new Error(`rules: the network ${network.id} has no trained tensor "${name}"`);
    const arrays = { mask: rule.mask, gradientMask: rule.gradientMask, penalty: gradientOf(rule.penalty) };
    for (const [key, values] of Object.entries(arrays)) {
      if (values && values.length !== size) {
        throw new Error(`rules: the ${key} of "${name}" must have ${size} values, not ${values.length}`);
      }
    }
    const { quantiser } = rule;
    if (quantiser && !(quantiser.step > 0 && quantiser.levels >= 1)) {
      throw new Error(`rules: the quantiser of "${name}" needs a step above 0 and at least one level`);
    }
  }
}

/** Values of a penalty of kind `gradient`. */
export const gradientOf = (penalty: Penalty | undefined): Float32Array | undefined =>
  penalty?.kind === 'gradient' ? penalty.values : undefined;

/** Sets masked values and momentum to zero in the full-size stores, channels that are off included. */
export function maskStore(store: ParameterStore, rules: Rules): void {
  for (const [name, { mask }] of rules) {
    mask?.forEach((keep, i) => {
      if (keep !== 0) return;
      for (const tensors of [store.parameters, store.momentum]) {
        const values = tensors.get(name);
        if (values) values[i] = 0;
      }
    });
  }
}
