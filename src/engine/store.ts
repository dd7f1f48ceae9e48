import {
  type Compact,
  type Network,
  type Structure,
  type Tensors,
  compact,
  forEachKept,
  parametersOf,
  sizeOf,
  trained,
} from '../core/network/index.ts';
import type { Checkpoint } from './engine.ts';

/**
 * Full-size parameters, running statistics and momentum on the host. Pruned entries keep their most recently used
 * values (chex.md 3.6): scattering overwrites kept entries only, gathering cuts the compact tensors out.
 * Both engines use it, so prune-then-regrow is the same copy of bits on both.
 */
export class ParameterStore {
  readonly parameters: Map<string, Float32Array>;
  readonly momentum: Map<string, Float32Array>;
  #layout: Compact;
  #structure: Structure;

  constructor(
    readonly network: Network,
    structure: Structure,
    initial: Tensors,
    readonly execution: 'compact' | 'masked' = 'compact',
  ) {
    const specs = parametersOf(network);
    this.parameters = new Map(specs.map((spec) => [spec.name, copyOf(initial, spec.name, sizeOf(spec.shape))]));
    this.momentum = new Map(
      specs.filter((spec) => trained(spec.role)).map((spec) => [spec.name, new Float32Array(sizeOf(spec.shape))]),
    );
    this.#structure = structure;
    this.#layout = compact(network, structure);
  }

  get structure(): Structure {
    return this.#structure;
  }

  /** The network that the engine runs: the compact one, or the full-size one in masked execution. */
  get running(): Network {
    return this.execution === 'masked' ? this.network : this.#layout.network;
  }

  /** Cuts the running network's tensors out of full-size ones; in masked execution pruned entries become zero. */
  gather(full: Tensors): Map<string, Float32Array> {
    return new Map(
      this.#layout.gathers.flatMap((gather) => {
        const source = full.get(gather.full.name);
        if (!source) return [];
        const masked = this.execution === 'masked';
        const values = new Float32Array(masked ? source.length : sizeOf(gather.compact.shape));
        forEachKept(gather, (small, large) => (values[masked ? large : small] = source[large] ?? 0));
        return [[gather.full.name, values] as const];
      }),
    );
  }

  /** Writes the running network's tensors into full-size ones; pruned entries stay as they are. */
  scatter(running: Tensors, into: Map<string, Float32Array>): void {
    for (const gather of this.#layout.gathers) {
      const source = running.get(gather.full.name);
      const target = into.get(gather.full.name);
      if (!source || !target) continue;
      const masked = this.execution === 'masked';
      forEachKept(gather, (small, large) => (target[large] = source[masked ? large : small] ?? 0));
    }
  }

  /** Full-size zeros with the running network's tensors scattered in: gradients in the full-size view. */
  expand(running: Tensors): Tensors {
    const full = new Map(
      [...running.keys()].map((name) => [name, new Float32Array(this.parameters.get(name)?.length ?? 0)]),
    );
    this.scatter(running, full);
    return full;
  }

  /**
   * Takes a new structure; the current values must have been scattered before. Momentum of entries that were not
   * running becomes zero.
   */
  restructure(structure: Structure): void {
    const next = compact(this.network, structure);
    const running = this.gather(this.momentum);
    const kept = this.expand(running);
    for (const [name, values] of kept) this.momentum.set(name, values.slice());
    this.#structure = structure;
    this.#layout = next;
  }

  /** The store that a checkpoint was taken from. */
  static restored(network: Network, checkpoint: Checkpoint, execution?: 'compact' | 'masked'): ParameterStore {
    const store = new ParameterStore(network, checkpoint.structure, checkpoint.parameters, execution);
    for (const [name, values] of checkpoint.momentum) store.momentum.get(name)?.set(values);
    return store;
  }

  /** Copies of all that is needed to go on from here. */
  checkpoint(step: number): Checkpoint {
    const copy = (tensors: Tensors): Tensors => new Map([...tensors].map(([name, values]) => [name, values.slice()]));
    return { step, structure: this.#structure, parameters: copy(this.parameters), momentum: copy(this.momentum) };
  }

  /** Copies of full-size tensors, by default of all. Throws a sentence on an unknown name. */
  read(names: readonly string[] = [...this.parameters.keys()]): Tensors {
    return new Map(names.map((name) => [name, this.#tensor(name).slice()]));
  }

  /** Overwrites full-size tensors. Throws a sentence on an unknown name or a wrong length. */
  write(tensors: Tensors): void {
    for (const [name, values] of tensors) {
      const target = this.#tensor(name);
      if (target.length !== values.length) {
        throw new Error(`tensor "${name}" has ${target.length} values, not ${values.length}`);
      }
      target.set(values);
    }
  }

  #tensor(name: string): Float32Array {
    const values = this.parameters.get(name);
    if (!values) throw new Error(`the network ${this.network.id} has no tensor "${name}"`);
    return values;
  }
}

function copyOf(tensors: Tensors, name: string, size: number): Float32Array {
  const values = tensors.get(name);
  if (!values) throw new Error(`parameters: "${name}" is missing`);
  if (values.length !== size) throw new Error(`parameters: "${name}" has ${values.length} values, not ${size}`);
  return values.slice();
}
