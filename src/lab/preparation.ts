import { type Network, type Tensors, denseStructure } from '../core/network/index.ts';
import type { Preparation, PreparationRequest } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, EngineData, Gradients, Trainer } from '../engine/engine.ts';
import { type RawImages, firstOfEachClass } from './class-images.ts';
import { Errand, type Preparing } from './errand.ts';

/** What a scheme's gradients are computed on. */
export interface PreparationPlace extends Preparing {
  readonly engine: Engine;
  readonly data: EngineData;
  readonly cifar: Cifar10;
}

/**
 * Gradients of the dense network before the first step, on the run's engine: a trainer that never trains is opened on
 * first use (another one when ReLU6 is to count as ReLU). Rejects with a sentence when the run is closed, its device is
 * lost or the images do not suffice. `dispose` it before its data.
 */
export class ScoringPreparation implements Preparation {
  readonly #trainers = new Map<boolean, Trainer>();
  readonly #errand: Errand;

  constructor(
    readonly spec: Spec,
    readonly network: Network,
    readonly place: PreparationPlace,
  ) {
    this.#errand = new Errand(place);
  }

  async gradients(
    parameters: Tensors,
    { inputs: wanted, unbounded = false, ...request }: PreparationRequest,
  ): Promise<Gradients> {
    const inputs = wanted === 'ones' ? wanted : await this.#errand.unlessEnded(() => this.#imagesOf(wanted.perClass));
    return this.#errand.turn(async () => {
      const trainer = await this.#trainerWith(parameters, unbounded);
      return trainer.gradients({ ...request, inputs });
    });
  }

  progress(done: number, of: number, what: string): void {
    this.#errand.tell({ what, done, of });
  }

  /** Releases what it holds on the engine, once the call under way is done. */
  dispose(): Promise<void> {
    return this.#errand.dispose();
  }

  #imagesOf(perClass: number): Promise<RawImages> {
    const { train, holdOut } = this.spec.data;
    return firstOfEachClass(this.place.cifar, train - holdOut, perClass);
  }

  async #trainerWith(parameters: Tensors, unbounded: boolean): Promise<Trainer> {
    const opened = this.#trainers.get(unbounded);
    if (opened) {
      await opened.write(parameters);
      return opened;
    }
    const { engine, data } = this.place;
    const network = unbounded ? withoutBounds(this.network) : this.network;
    const trainer = await engine.open(network, denseStructure(network), parameters, {
      data,
      seed: this.spec.seed,
      // It never trains; room for a batch would be in the way of the run's own trainer.
      batchSize: 1,
      augment: { crop: false, flip: false },
      labelSmoothing: this.spec.train.labelSmoothing,
      batch: () => new Uint32Array(1),
    });
    this.#errand.own(trainer);
    this.#trainers.set(unbounded, trainer);
    return trainer;
  }
}

/** The network with ReLUs in place of its ReLU6s. */
const withoutBounds = (network: Network): Network => ({
  ...network,
  nodes: network.nodes.map((node) => (node.op === 'relu6' ? { ...node, op: 'relu' } : node)),
});
