import type { AdapterRecord, BatchHalvedEvent, RecoveredEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import { type Engine, OutOfMemoryError } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import {
  type Halving,
  batchHalvedMessage,
  halvedBatch,
  noOtherDevice,
  recoveredMessage,
  sentenceOf,
  stillNoMemory,
  tooManyLosses,
} from './faults.ts';
import type { DataPool } from './data-pool.ts';
import type { FeederListener } from './feeder.ts';
import { Keeping } from './keeping.ts';
import { type RunParts, applyRules, closeParts, openParts } from './parts.ts';
import { type RunPlan, type SchemeAccess, planRun } from './plan.ts';
import type { Preparing } from './errand.ts';

/** How long a failed call waits for the engine to say that its device was lost, which explains the failure. */
const LOST_GRACE_MILLISECONDS = 100;
/** Devices lost one after the other, without a newer checkpoint in between, at which a run gives up. */
const MOST_LOSSES = 3;

/** What a run can go on after: its device was lost, or memory ran out. */
export type Fault = { readonly engine: Engine } & ({ readonly lost: string } | { readonly full: OutOfMemoryError });

/** Which fault made a call to an engine fail; null when it was something else. */
export async function faultOf(engine: Engine, failure: unknown): Promise<Fault | null> {
  if (failure instanceof OutOfMemoryError) return { engine, full: failure };
  const grace = new Promise<null>((resolve) => setTimeout(() => resolve(null), LOST_GRACE_MILLISECONDS));
  const lost = await Promise.race([engine.lost, grace]);
  return lost === null ? null : { engine, lost };
}

/** Gives an engine in place of one that was lost or is full, or rejects with a sentence. */
export type Reopen = (failed: Engine, why: 'lost' | 'full') => Promise<Engine>;

export interface RecoveryOptions {
  readonly cifar: Cifar10;
  readonly pool: DataPool;
  readonly feeding: FeederListener;
  readonly reopen: Reopen | undefined;
  readonly preparing: Preparing;
  /** Whether the run still wants what is being opened. */
  readonly wanted: () => boolean;
}

/** Parts to go on with, and what to tell of them. */
export interface WayOn {
  readonly parts: RunParts;
  readonly events: readonly (BatchHalvedEvent | RecoveredEvent)[];
}

/**
 * What a run begins from and goes back to: its spec and plan, and the last checkpoint in memory. A lost device costs
 * the steps since then; on the same adapter they are computed again bit for bit. When memory runs out, the batch is
 * halved, once.
 */
export class Recovery {
  readonly #access: SchemeAccess;
  readonly #keeping = new Keeping();
  #spec: Spec;
  #plan: RunPlan;
  #options: RecoveryOptions | null = null;
  /** None yet means the beginning, which follows from the spec. */
  #kept: RunCheckpoint | null = null;
  /** Devices lost since the last checkpoint. */
  #losses = 0;
  #halving: Halving | null = null;

  /** Throws a sentence naming the key when the scheme cannot meet what the spec asks. */
  constructor(spec: Spec, access: SchemeAccess) {
    this.#spec = spec;
    this.#access = access;
    this.#plan = planRun(spec, access);
  }

  /** The spec given, but for a batch halved for lack of memory. */
  get spec(): Spec {
    return this.#spec;
  }

  get plan(): RunPlan {
    return this.#plan;
  }

  get kept(): RunCheckpoint | null {
    return this.#kept;
  }

  /** The step that the run would go back to. */
  get step(): number {
    return this.#kept?.trainer.step ?? 0;
  }

  /** Counts milliseconds of training, by which `due` tells when to take the next checkpoint. */
  trained(milliseconds: number): void {
    this.#keeping.trained(milliseconds);
  }

  get due(): boolean {
    return this.#keeping.due;
  }

  /** Keeps a checkpoint, taken in so many milliseconds, in place of the last one. */
  keep(checkpoint: RunCheckpoint, milliseconds = 0): void {
    this.#kept = checkpoint;
    this.#losses = 0;
    this.#keeping.kept(milliseconds);
  }

  /** Puts a checkpoint of the same moment in place of the last one: something was changed by hand there. */
  amend(checkpoint: RunCheckpoint): void {
    this.#kept = checkpoint;
  }

  /** Makes a run's parts for the first time. Throws a sentence, having released everything, when that cannot be. */
  async open(engine: Engine, options: RecoveryOptions): Promise<WayOn> {
    this.#options = options;
    try {
      return { parts: await this.#openParts(engine), events: [] };
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      return this.goBack({ engine, full: error }, this.step);
    }
  }

  /**
   * Goes back to the checkpoint in memory (or to the beginning): on another engine after a lost device, with half the
   * batch when memory ran out. `reached`: the step that the run had reached. Throws a sentence when the run cannot go on.
   */
  async goBack(fault: Fault, reached: number, before: Partial<Told> = {}): Promise<WayOn> {
    const lost = 'lost' in fault ? fault.lost : null;
    if (lost !== null && !this.#options?.reopen) throw new Error(lost);
    if (lost !== null && ++this.#losses >= MOST_LOSSES) throw new Error(tooManyLosses(MOST_LOSSES, this.step));
    const told: Told = { lost: lost ?? before.lost ?? null, halved: before.halved ?? null };
    if ('full' in fault) told.halved = this.#halve(fault.full);
    // A scheme in the middle of a decision is in no state to go on from.
    else this.#plan = planRun(this.#spec, this.#access);
    const engine = await this.#engineAfter(fault);
    try {
      const parts = await this.#openParts(engine);
      return { parts, events: this.#eventsOf(told, engine, reached) };
    } catch (error) {
      const again = await faultOf(engine, error);
      if (!again || !this.#options?.wanted()) throw error;
      return this.goBack(again, reached, told);
    }
  }

  #eventsOf({ lost, halved }: Told, engine: Engine, from: number): WayOn['events'] {
    const { step } = this;
    const halving = halved ? [halved] : [];
    if (lost === null) return halving;
    const message = recoveredMessage(lost, from, step);
    return [...halving, { kind: 'recovered', step, from, adapter: adapterOf(engine), message }];
  }

  async #engineAfter(fault: Fault): Promise<Engine> {
    const { engine } = fault;
    try {
      return (await this.#options?.reopen?.(engine, 'lost' in fault ? 'lost' : 'full')) ?? engine;
    } catch (error) {
      throw 'lost' in fault ? new Error(noOtherDevice(fault.lost, sentenceOf(error)), { cause: error }) : error;
    }
  }

  /** Opens the parts on an engine, as of the checkpoint in memory where there is one. */
  async #openParts(engine: Engine): Promise<RunParts> {
    if (!this.#options) throw new Error('The run is not open.');
    const { cifar, pool, feeding, preparing, wanted } = this.#options;
    const requireWanted = (): void => {
      if (!wanted()) throw new Error('The run was closed while it was being opened.');
    };
    requireWanted();
    const kept = this.#kept;
    const place = { engine, cifar, pool, listener: feeding, preparing };
    const parts = await openParts(this.#spec, this.#plan, place, kept !== null);
    try {
      requireWanted();
      if (kept) {
        await preparing.turn(async () => {
          await parts.trainer.restore(kept.trainer);
          // A fork with another scheme begins that one afresh.
          if (kept.scheme !== undefined) this.#plan.scheme.restore(structuredClone(kept.scheme));
          await applyRules(parts.trainer, this.#plan.scheme);
        });
        requireWanted();
      }
      return parts;
    } catch (error) {
      closeParts(parts);
      throw error;
    }
  }

  /** Halves the batch from the checkpoint in memory on. Throws a sentence when it has been halved before. */
  #halve(error: OutOfMemoryError): BatchHalvedEvent {
    const { step } = this;
    const from = this.#spec.train.batchSize;
    if (this.#halving || from < 2) throw new Error(stillNoMemory(error, this.#halving));
    this.#spec = halvedBatch(this.#spec, step, this.#plan.steps);
    this.#plan = planRun(this.#spec, this.#access);
    const { batchSize: to } = this.#spec.train;
    this.#halving = { from, to };
    if (this.#kept) this.#kept = { ...this.#kept, spec: this.#spec };
    const { steps, stepsPerEpoch } = this.#plan;
    return {
      kind: 'batchHalved',
      step,
      from,
      to,
      steps,
      stepsPerEpoch,
      message: batchHalvedMessage(error, this.#halving),
    };
  }
}

/** What is to be told once the run is open again, however many tries that takes. */
interface Told {
  lost: string | null;
  halved: BatchHalvedEvent | null;
}

export const adapterOf = ({ info }: Engine): AdapterRecord => ({ backend: info.backend, ...info.adapter });
