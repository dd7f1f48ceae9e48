import type { Tensor } from '@tensorflow/tfjs';
import { parametersOf } from '../../core/network/index.ts';
import type { UpdateRule } from '../engine.ts';
import { type Rules, gradientOf } from '../rules.ts';
import type { ParameterStore } from '../store.ts';
import type { Tfjs } from './backend.ts';

/** One tensor's rule, its arrays cut to the running network's tensor and in its shape. */
export interface RunningRule {
  readonly rule: UpdateRule;
  /** True where weights live, false where they are pruned. */
  readonly mask: Tensor | null;
  readonly gradientMask: Tensor | null;
  /** Values of a penalty of kind `gradient`. */
  readonly penalty: Tensor | null;
  /** Output channels of the tensor: its last axis that is not a depthwise kernel's 1. */
  readonly channels: number;
}

/** The rules for the running network's tensors. */
export class RunningRules {
  readonly #rules: ReadonlyMap<string, RunningRule>;

  constructor(
    readonly tf: Tfjs,
    store: ParameterStore,
    rules: Rules,
  ) {
    const specs = new Map(parametersOf(store.running).map((spec) => [spec.name, spec]));
    const channelsOf = (name: string): number => {
      const spec = specs.get(name);
      return spec?.shape[spec.axes.lastIndexOf(spec.node)] ?? 1;
    };
    const cut = (name: string, values: Float32Array | undefined, dtype?: 'bool'): Tensor | null => {
      const running = values && store.gather(new Map([[name, values]])).get(name);
      if (!running) return null;
      return tf.tensor(
        dtype ? Uint8Array.from(running, (value) => Number(value !== 0)) : running,
        [...(specs.get(name)?.shape ?? [])],
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
          channels: channelsOf(name),
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
export function penaltyGradient(tf: Tfjs, { rule, penalty, channels }: RunningRule, values: Tensor): Tensor | null {
  switch (rule.penalty?.kind) {
    case undefined:
      return null;
    case 'l1':
      return values.sign().mul(rule.penalty.strength);
    case 'groupLasso': {
      const byChannel = values.reshape([-1, channels]);
      const norms = byChannel.square().sum(0).sqrt();
      return tf.divNoNan(byChannel, norms).mul(rule.penalty.strength).reshape(values.shape);
    }
    case 'gradient':
      return penalty;
  }
}
