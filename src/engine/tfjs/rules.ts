import type { Tensor } from '@tensorflow/tfjs';
import { type Network, parametersOf, sizeOf, trained } from '../../core/network/index.ts';
import type { Penalty, UpdateRule } from '../engine.ts';
import type { ParameterStore } from '../store.ts';
import type { Tfjs } from './backend.ts';

/** Rules of the update by tensor name; arrays full-size. */
export type Rules = ReadonlyMap<string, UpdateRule>;

/** One tensor's rule, its arrays cut to the running network's tensor and in its shape. */
export interface RunningRule {
  readonly rule: UpdateRule;
  /** True where weights live, false where they are pruned. */
  readonly mask: Tensor | null;
  readonly gradientMask: Tensor | null;
  /** Values of a penalty of kind `gradient`. */
  readonly penalty: Tensor | null;
}

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

const gradientOf = (penalty: Penalty | undefined): Float32Array | undefined =>
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

/** The rules for the running network's tensors. */
export class RunningRules {
  readonly #rules: ReadonlyMap<string, RunningRule>;

  constructor(
    readonly tf: Tfjs,
    store: ParameterStore,
    rules: Rules,
  ) {
    const shapes = new Map(parametersOf(store.running).map(({ name, shape }) => [name, [...shape]]));
    const cut = (name: string, values: Float32Array | undefined, dtype?: 'bool'): Tensor | null => {
      const running = values && store.gather(new Map([[name, values]])).get(name);
      if (!running) return null;
      return tf.tensor(
        dtype ? Uint8Array.from(running, (value) => Number(value !== 0)) : running,
        shapes.get(name),
        dtype,
      );
    };
    this.#rules = new Map(
      [...rules].map(([name, rule]) => [
        name,
        {
          rule,
          mask: cut(name, rule.mask, 'bool'),
          gradientMask: cut(name, rule.gradientMask),
          penalty: cut(name, gradientOf(rule.penalty)),
        },
      ]),
    );
  }

  of(name: string): RunningRule | undefined {
    return this.#rules.get(name);
  }

  /** What the network computes with in place of a tensor's `values`; gradients go straight through to these. */
  quantised(name: string, values: Tensor): Tensor {
    const quantiser = this.#rules.get(name)?.rule.quantiser;
    return quantiser ? straightThrough(this.tf, values, (w) => quantise(w, quantiser)) : values;
  }

  get bytes(): number {
    return this.#tensors().reduce((sum, { size, dtype }) => sum + size * this.tf.util.bytesPerElement(dtype), 0);
  }

  dispose(): void {
    this.tf.dispose(this.#tensors());
  }

  #tensors(): Tensor[] {
    return [...this.#rules.values()].flatMap(({ mask, gradientMask, penalty }) =>
      [mask, gradientMask, penalty].filter((tensor) => tensor !== null),
    );
  }
}

/** `change(values)` whose gradient is passed on to `values` unchanged. */
export function straightThrough(tf: Tfjs, values: Tensor, change: (values: Tensor) => Tensor): Tensor {
  return tf.customGrad((x) => ({ value: change(x as Tensor), gradFunc: (gradient) => gradient }))(values);
}

/** step x clamp(round(w / step), -levels, levels), halves away from zero. */
const quantise = (w: Tensor, { step, levels }: { step: number; levels: number }): Tensor =>
  w.abs().div(step).add(0.5).floor().minimum(levels).mul(w.sign()).mul(step);

/** Gradient of a rule's penalty, in the shape of the tensor; null where there is none. */
export function penaltyGradient(tf: Tfjs, { rule, penalty }: RunningRule, values: Tensor): Tensor | null {
  switch (rule.penalty?.kind) {
    case undefined:
      return null;
    case 'l1':
      return values.sign().mul(rule.penalty.strength);
    case 'groupLasso': {
      const channels = values.shape.at(-1) ?? 1;
      const norms = values.reshape([-1, channels]).square().sum(0).sqrt();
      return tf.divNoNan(values, norms).mul(rule.penalty.strength);
    }
    case 'gradient':
      return penalty;
  }
}
