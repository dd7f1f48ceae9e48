import { type Network, type Tensors, denseStructure } from '../core/network/index.ts';
import type { Preparation, SchemeProgress, PreparationRequest } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, EngineData, Gradients, Trainer } from '../engine/engine.ts';
import { type RawImages, firstOfEachClass } from './class-images.ts';

/** Milliseconds between two reports of progress. */
const TELL_EVERY = 100;

/** How a run lets its scheme compute before the first step. */
export interface Preparing {
  /** Does work on the engine when the run's turn comes: one gradient at a time, so that other runs go on meanwhile. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Rejects once the run is closed. */
  readonly closing: Promise<never>;
  /** Null when the scheme has done what it had to. */
  readonly onProgress: (progress: SchemeProgress | null) => void;
}

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
  /** Settles when no call to the engine is under way. */
  #idle: Promise<unknown> = Promise.resolve();
  #toldAt = -Infinity;
  /** Why nothing more can be computed; null while it can. */
  #ended: Error | null = null;
  /** Rejects what is waited for. */
  readonly #waiting = new Set<(reason: Error) => void>();

  constructor(
    readonly spec: Spec,
    readonly network: Network,
    readonly place: PreparationPlace,
  ) {
    void place.engine.lost.then((message) => this.#end(new Error(message)));
    place.closing.catch((reason: unknown) => this.#end(reason as Error));
  }

  async gradients(
    parameters: Tensors,
    { inputs: wanted, unbounded = false, ...request }: PreparationRequest,
  ): Promise<Gradients> {
    const inputs = wanted === 'ones' ? wanted : await this.#unlessEnded(() => this.#imagesOf(wanted.perClass));
    const compute = async (): Promise<Gradients> => {
      const trainer = await this.#trainerWith(parameters, unbounded);
      return trainer.gradients({ ...request, inputs });
    };
    // Ended while it waits for its turn or for the engine, which it then gives back at once.
    return this.#unlessEnded(() => this.place.turn(() => this.#unlessEnded(() => this.#call(compute))));
  }

  progress(done: number, of: number, what: string): void {
    const now = performance.now();
    if (this.#ended || (done > 0 && now - this.#toldAt < TELL_EVERY)) return;
    this.#toldAt = now;
    this.place.onProgress({ what, done, of });
  }

  /** Releases what it holds on the engine, once the call under way is done. */
  async dispose(): Promise<void> {
    this.#end(new Error('The preparation is over.'));
    await Promise.race([this.#idle, this.place.engine.lost]);
    for (const trainer of this.#trainers.values()) trainer.dispose();
    this.#trainers.clear();
    this.place.onProgress(null);
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const reject of this.#waiting) reject(reason);
  }

  async #unlessEnded<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ended) throw this.#ended;
    // Not a race: a promise that outlives the preparation would keep every result.
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      void work()
        .then(resolve, reject)
        .finally(() => this.#waiting.delete(reject));
    });
  }

  #call<T>(compute: () => Promise<T>): Promise<T> {
    const computing = compute();
    this.#idle = computing.then(
      () => undefined,
      () => undefined,
    );
    return computing;
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
    this.#trainers.set(unbounded, trainer);
    return trainer;
  }
}

/** The network with ReLUs in place of its ReLU6s. */
const withoutBounds = (network: Network): Network => ({
  ...network,
  nodes: network.nodes.map((node) => (node.op === 'relu6' ? { ...node, op: 'relu' } : node)),
});
