import type { Tensors } from '../core/network/index.ts';
import type { Candidate, Exploration, SchemeProgress } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Trainer } from '../engine/engine.ts';
import { Errand, type Preparing } from './errand.ts';
import { nextTask } from './pace.ts';
import { type RunParts, applyRules } from './parts.ts';
import type { RunPlan } from './plan.ts';

/** What candidates are tried out beside: a run that stands between two steps. */
export interface ExplorationPlace extends Preparing {
  readonly spec: Spec;
  readonly plan: RunPlan;
  readonly parts: RunParts;
}

/**
 * Tries candidates out during one decision, on a trainer of its own that is opened on first use with all that the run
 * stands at (kernel variants and update rules too) and never trains. Rejects with a sentence once the run is paused or
 * closed or its device is lost. `dispose` it before its data.
 */
export class TrialExploration implements Exploration {
  readonly #errand: Errand;
  #trial: Trial | null = null;

  constructor(readonly place: ExplorationPlace) {
    this.#errand = new Errand({ ...place, engine: place.parts.engine });
  }

  /** Whether the run was paused before the decision was made. */
  get interrupted(): boolean {
    return this.#errand.ended instanceof Paused;
  }

  /** Ends it because the run is to stand still. */
  interrupt(): void {
    this.#errand.end(new Paused('The run was paused before its scheme had decided.'));
  }

  get images(): number {
    return this.place.spec.data.holdOut;
  }

  async accuracies(candidates: readonly Candidate[], images: number): Promise<readonly number[]> {
    if (!Number.isInteger(images) || images < 1) {
      throw new Error(`a candidate needs a whole number of held-out images to score it, at least 1, not ${images}`);
    }
    await this.#errand.unlessEnded(() => this.place.parts.feeder.need('holdOut', images));
    const found: number[] = [];
    for (const candidate of candidates) {
      found.push(
        await this.#errand.turn(async () => {
          this.#trial ??= await this.#open();
          return this.#trial.accuracy(candidate, images);
        }),
      );
      await nextTask();
    }
    return found;
  }

  progress(progress: SchemeProgress): void {
    this.#errand.tell(progress);
  }

  /** Releases what it holds on the engine, once the call under way is done. */
  dispose(): Promise<void> {
    return this.#errand.dispose();
  }

  async #open(): Promise<Trial> {
    const { spec, plan, parts } = this.place;
    const state = await parts.trainer.checkpoint();
    const trainer = await parts.engine.open(plan.network, state.structure, state.parameters, {
      data: parts.data,
      seed: spec.seed,
      // It never trains; room for a batch would be in the way of the run's own trainer.
      batchSize: 1,
      augment: { crop: false, flip: false },
      labelSmoothing: 0,
      storage: spec.train.storage,
      batch: () => new Uint32Array(1),
    });
    this.#errand.own(trainer);
    // Other kernel variants add in another order, and a run resumed elsewhere must choose alike.
    if (state.variants !== undefined) await trainer.restore(state);
    await applyRules(trainer, plan.scheme);
    return new Trial(trainer, state.parameters);
  }
}

/** Why an exploration ended that is to be begun again. */
class Paused extends Error {}

/** A trainer that takes one candidate after the other. */
class Trial {
  /** Tensors that are, or may be, other than the run's. */
  #written = new Set<string>();

  constructor(
    readonly trainer: Trainer,
    /** The run's full-size tensors. */
    readonly parameters: Tensors,
  ) {}

  async accuracy({ structure, write = new Map() }: Candidate, images: number): Promise<number> {
    const { trainer } = this;
    if (JSON.stringify(trainer.structure) !== JSON.stringify(structure)) await trainer.restructure(structure);
    const back = [...this.parameters].filter(([name]) => this.#written.has(name));
    const tensors = new Map([...back, ...write]);
    this.#written = new Set(tensors.keys());
    if (tensors.size > 0) await trainer.write(tensors);
    this.#written = new Set(write.keys());
    return (await trainer.evaluate('holdOut', images)).accuracy;
  }
}
