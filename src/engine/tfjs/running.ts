import type { Tensor, Variable } from '@tensorflow/tfjs';
import { type ParameterSpec, type Tensors, parametersOf, trained } from '../../core/network/index.ts';
import type { ParameterStore } from '../store.ts';
import type { Tfjs } from './backend.ts';

/** One tensor of the running network, with its momentum when it is trained. */
export interface RunningTensor {
  readonly spec: ParameterSpec;
  readonly values: Variable;
  readonly momentum: Variable | null;
}

/** The running network's tensors as tfjs variables: gathered from the full-size stores, and scattered back to them. */
export class RunningTensors {
  readonly #tensors = new Map<string, RunningTensor>();

  constructor(
    readonly tf: Tfjs,
    readonly store: ParameterStore,
  ) {
    const parameters = store.gather(store.parameters);
    const momentum = store.gather(store.momentum);
    for (const spec of parametersOf(store.running)) {
      this.#tensors.set(spec.name, {
        spec,
        values: this.#variable(spec, parameters, trained(spec.role)),
        momentum: trained(spec.role) ? this.#variable(spec, momentum, false) : null,
      });
    }
  }

  #variable({ name, shape }: ParameterSpec, from: Tensors, trainable: boolean): Variable {
    return this.tf.tidy(() => this.tf.variable(this.tf.tensor(from.get(name) ?? [], [...shape]), trainable));
  }

  /** Bytes of the variables: parameters, running statistics and momentum. */
  get bytes(): number {
    return this.#all().reduce((sum, variable) => sum + variable.size * Float32Array.BYTES_PER_ELEMENT, 0);
  }

  /** The tensors that gradients change, in network order. */
  get trained(): readonly RunningTensor[] {
    return [...this.#tensors.values()].filter(({ momentum }) => momentum !== null);
  }

  /** The values of a tensor. Throws a sentence on an unknown name. */
  values(name: string): Variable {
    const tensor = this.#tensors.get(name);
    if (!tensor) throw new Error(`the network ${this.store.network.id} has no tensor "${name}"`);
    return tensor.values;
  }

  /** Scatters parameters, running statistics and momentum to the stores. */
  async download(): Promise<void> {
    const { store } = this;
    const tensors = [...this.#tensors];
    store.scatter(await hostCopies(new Map(tensors.map(([name, { values }]) => [name, values]))), store.parameters);
    const momentum = tensors.flatMap(([name, tensor]) => (tensor.momentum ? [[name, tensor.momentum] as const] : []));
    store.scatter(await hostCopies(new Map(momentum)), store.momentum);
  }

  dispose(): void {
    this.tf.dispose(this.#all());
    this.#tensors.clear();
  }

  #all(): Variable[] {
    return [...this.#tensors.values()].flatMap(({ values, momentum }) => (momentum ? [values, momentum] : [values]));
  }
}

/** Copies of tensors' values on the host; the plain JavaScript backend would hand out its own arrays. */
export async function hostCopies(tensors: ReadonlyMap<string, Tensor>): Promise<Tensors> {
  const copies = [...tensors].map(
    async ([name, tensor]) => [name, Float32Array.from(await tensor.data<'float32'>())] as const,
  );
  return new Map(await Promise.all(copies));
}
