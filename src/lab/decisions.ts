import type { RunEvent, StageEvent } from '../core/events/events.ts';
import type { Tensors } from '../core/network/index.ts';
import type { Decision, Exploration } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { EvalMetrics, Latency } from '../engine/engine.ts';
import type { Preparing } from './errand.ts';
import { TrialExploration } from './exploration.ts';
import { type RunParts, applyRules } from './parts.ts';
import type { RunPlan, SchemeAccess } from './plan.ts';
import { type HandChanges, handDecision, handEvents, structureEvents } from './run-events.ts';

/** What decisions need of the run that they are made for. */
export interface Deciding {
  spec(): Spec;
  plan(): RunPlan;
  readonly preparing: Preparing;
  /** Whether the run is to stand still as soon as possible. */
  pausing(): boolean;
  /** The run's parts. Throws a sentence before there are any. */
  parts(): RunParts;
  /** Whether what was begun with these parts is still wanted. */
  moving(parts: RunParts): boolean;
  /** Uses the engine when the run's turn comes; rejects when the device is lost. */
  readonly use: <T>(work: () => Promise<T>) => Promise<T>;
  /** Waits for images; rejects when the run is closed or the device is lost. */
  there(images: Promise<void>): Promise<void>;
  tell(event: RunEvent): void;
  tellMemory(): void;
}

/** A decision under way, and what tries candidates out for it. */
interface Current {
  readonly parts: RunParts;
  exploration: TrialExploration | null;
}

/** Batch of the inference that is timed before and after a stage. */
const LATENCY_BATCH = 64;

/**
 * Has a run's scheme decide, puts in force what it decided, and measures what a stage does. Each call to the engine takes
 * a turn of its own.
 */
export class Decisions {
  /** The decision under way. */
  #current: Current | null = null;
  /** Milliseconds spent waiting for turns so far. */
  #waited = 0;

  constructor(readonly run: Deciding) {}

  /** What the scheme may measure. */
  get access(): SchemeAccess {
    const { run } = this;
    return {
      read: async (names) => {
        const { trainer } = run.parts();
        return this.#use(() => trainer.read(names));
      },
      evaluate: async (limit) => {
        const { feeder, trainer } = run.parts();
        await run.there(feeder.need('holdOut', limit));
        return this.#use(() => trainer.evaluate('holdOut', limit));
      },
      gradients: async (request) => {
        const { feeder, order, trainer } = run.parts();
        await run.there(feeder.need('train', order.needs(request.inputs.step)));
        return this.#use(() => trainer.gradients(request));
      },
      explore: {
        get images() {
          return run.spec().data.holdOut;
        },
        accuracies: async (candidates, images) => this.#exploration.accuracies(candidates, images),
        progress: (progress) => this.#exploration.progress(progress),
      },
    };
  }

  /** The run is to stand still: a decision that tries candidates out is given up, and due again. */
  interrupt(): void {
    this.#current?.exploration?.interrupt();
  }

  /** Makes a decision and tells it. False when it was given up, which has changed nothing. */
  async make(parts: RunParts, decide: () => Promise<Decision>, tell = structureEvents): Promise<boolean> {
    const { run } = this;
    const { trainer } = parts;
    const { step, structure: before } = trainer;
    const deciding = this.#stopwatch();
    const decision = await this.#decided(parts, decide);
    if (!decision || !run.moving(parts)) return false;
    const decided = deciding();
    const old = decision.stage ? await this.#measure(parts) : null;
    const changing = this.#stopwatch();
    await this.#use(async () => {
      await trainer.restructure(decision.structure);
      if (decision.write) await trainer.write(decision.write);
      await applyRules(trainer, run.plan().scheme);
    });
    const milliseconds = decided + changing();
    const masked = old && (await this.#accuracy(parts));
    const anew = await this.#recalibrate(parts, decision.recalibrate ?? 0);
    const recalibrated = masked && anew ? await this.#accuracy(parts) : null;
    const after = old && (await this.#latency(parts));
    if (!run.moving(parts)) return false;
    for (const event of tell(run.plan().network, before, decision, { step, milliseconds })) run.tell(event);
    if (decision.stage && old && masked && after) {
      const accuracy: StageEvent['accuracy'] = {
        before: old.accuracy,
        masked: masked.accuracy,
        recalibrated: recalibrated?.accuracy ?? null,
        images: masked.images,
      };
      run.tell({
        kind: 'stage',
        step,
        report: decision.stage,
        accuracy,
        latencyMs: { before: old.latency, after },
      });
    }
    run.tellMemory();
    return true;
  }

  /** Makes what the user changed. Throws a sentence when the network does not allow it. */
  byHand(parts: RunParts, changes: HandChanges): Promise<boolean> {
    const decide = async (): Promise<Decision> =>
      handDecision(this.run.plan().network, parts.trainer.structure, changes);
    return this.make(parts, decide, handEvents);
  }

  /** Tensors that begin anew have no past. */
  async forgetMomentum({ trainer }: RunParts, tensors: Tensors): Promise<void> {
    await this.#use(async () => {
      const checkpoint = await trainer.checkpoint();
      const still = (name: string, values: Float32Array) =>
        tensors.has(name) ? new Float32Array(values.length) : values;
      const momentum = new Map([...checkpoint.momentum].map(([name, values]) => [name, still(name, values)]));
      await trainer.restore({ ...checkpoint, momentum });
      await applyRules(trainer, this.run.plan().scheme);
    });
  }

  /** What the scheme decides; null when it was interrupted while it tried candidates out. */
  async #decided(parts: RunParts, decide: () => Promise<Decision>): Promise<Decision | null> {
    const current: Current = { parts, exploration: null };
    this.#current = current;
    try {
      const decision = await decide();
      return current.exploration?.interrupted ? null : decision;
    } catch (error) {
      if (current.exploration?.interrupted) return null;
      throw error;
    } finally {
      if (this.#current === current) this.#current = null;
      await current.exploration?.dispose();
    }
  }

  /** What tries candidates out in the decision under way. Throws a sentence when there is none. */
  get #exploration(): Exploration {
    const { run } = this;
    const current = this.#current;
    if (!current) throw new Error('A scheme can try candidates out only while it decides.');
    if (!current.exploration) {
      const { preparing } = run;
      const turn: Preparing['turn'] = (work) => this.#timing(preparing.turn, work);
      const [spec, plan] = [run.spec(), run.plan()];
      current.exploration = new TrialExploration({ ...preparing, turn, spec, plan, parts: current.parts });
      if (run.pausing()) current.exploration.interrupt();
    }
    return current.exploration;
  }

  async #measure(parts: RunParts): Promise<EvalMetrics & { readonly latency: Latency }> {
    const latency = await this.#latency(parts);
    return { ...(await this.#accuracy(parts)), latency };
  }

  #latency({ trainer }: RunParts): Promise<Latency> {
    return this.#use(() => trainer.latency(LATENCY_BATCH));
  }

  async #accuracy({ feeder, trainer }: RunParts): Promise<EvalMetrics> {
    await this.run.there(feeder.need('test'));
    return this.#use(() => trainer.evaluate('test'));
  }

  /** Running statistics of the batches that led here, at most so many; whether there were any. */
  async #recalibrate({ feeder, order, trainer }: RunParts, batches: number): Promise<boolean> {
    const first = Math.max(0, trainer.step - batches);
    const steps = Array.from({ length: trainer.step - first }, (_, i) => first + i);
    if (steps.length === 0) return false;
    await this.run.there(feeder.need('train', Math.max(...steps.map((step) => order.needs(step)))));
    await this.#use(() => trainer.recalibrate(steps));
    return true;
  }

  #use<T>(work: () => Promise<T>): Promise<T> {
    return this.#timing(this.run.use, work);
  }

  #timing<T>(turn: (work: () => Promise<T>) => Promise<T>, work: () => Promise<T>): Promise<T> {
    const asked = performance.now();
    return turn(() => {
      this.#waited += performance.now() - asked;
      return work();
    });
  }

  /** Tells milliseconds since now, but for those that other runs had the engine. */
  #stopwatch(): () => number {
    const [began, waited] = [performance.now(), this.#waited];
    return () => performance.now() - began - (this.#waited - waited);
  }
}
