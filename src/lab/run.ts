import type { AdapterRecord, RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Pace, StepMetrics, Trainer } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { DivergenceWatch, divergenceMessage } from './divergence.ts';
import { Throughput, nextCallSteps, nextTask } from './pace.ts';
import { type RunParts, closeParts, openParts } from './parts.ts';
import { type RunPlan, planRun } from './plan.ts';
import { startEvents, structureEvents } from './run-events.ts';

/** Where a run stands: `idle` before its first step, `done` and `error` for good. */
export type RunPhase = 'idle' | 'running' | 'paused' | 'done' | 'error';

export interface RunListener {
  onEvent(event: RunEvent): void;
  onPhase?(phase: RunPhase): void;
  onData?(loadedImages: number, totalImages: number): void;
}

export interface OpenOptions {
  /** Goes on from here instead of from the beginning; its events are not told again. */
  readonly resume?: RunCheckpoint;
  /** Something about the engine that belongs in the history, such as why a slower one was taken. */
  readonly note?: string;
}

/** Batch sizes at which a finished run measures the latency of its compact network. */
const LATENCY_BATCHES = [1, 64] as const;
/** How long a failed call waits for the engine to say that its device was lost, which explains the failure. */
const LOST_GRACE_MILLISECONDS = 100;

/**
 * Drives one spec on an engine and tells what happens as events. Pausing, stepping and the number of steps in a call
 * to the engine never change what is computed: they only choose where to stop between two steps.
 */
export class Run {
  readonly plan: RunPlan;
  readonly #throughput = new Throughput();
  #watch = new DivergenceWatch();
  #parts: RunParts | null = null;
  #phase: RunPhase = 'idle';
  #closed = false;
  /** Step at which to pause, or to pause after the next decision, or as soon as possible. */
  #goal: number | 'decision' | 'now' = 'now';
  #callSteps = 1;
  #driving: Promise<void> | null = null;
  #interrupt: () => void = () => undefined;

  /** Throws a sentence naming the key when the scheme cannot meet what the spec asks. */
  constructor(
    readonly spec: Spec,
    readonly listener: RunListener,
  ) {
    this.plan = planRun(spec, {
      read: (names) => this.#require().trainer.read(names),
      evaluate: async (limit) => {
        const { feeder, trainer } = this.#require();
        await feeder.need('holdOut', limit);
        return trainer.evaluate('holdOut', limit);
      },
      gradients: async (request) => {
        const { feeder, order, trainer } = this.#require();
        await feeder.need('train', order.needs(request.inputs.step));
        return trainer.gradients(request);
      },
    });
  }

  get phase(): RunPhase {
    return this.#phase;
  }

  /** Updates made so far. */
  get step(): number {
    return this.#parts?.trainer.step ?? 0;
  }

  /**
   * Prepares the run on an engine (not owned) and tells its start, the events of step 0; images load in the background.
   * Throws a sentence, having released everything, when the engine or the data set cannot serve the spec.
   */
  async open(engine: Engine, cifar: Cifar10, { resume, note }: OpenOptions = {}): Promise<void> {
    const began = performance.now();
    const parts = await openParts(this.spec, this.plan, {
      engine,
      cifar,
      listener: {
        onProgress: (loaded, total) => this.#closed || this.listener.onData?.(loaded, total),
        onFailure: (error) => this.#stop('error', error.message),
      },
    });
    try {
      if (this.#closed) throw new Error('The run was closed while it was being opened.');
      if (resume) await this.#resume(resume, parts.trainer);
    } catch (error) {
      closeParts(parts);
      throw error;
    }
    this.#parts = parts;
    if (!resume) {
      const about = { adapter: adapterOf(engine), milliseconds: performance.now() - began, note };
      for (const event of startEvents(this.spec, this.plan, parts.start, about)) this.#tell(event);
    }
    void engine.lost.then((message) => this.#stop('error', message));
    parts.feeder.start();
  }

  /** Trains to the end, or until paused. Resolves when the run stands still. */
  run(): Promise<void> {
    return this.#drive(this.plan.steps);
  }

  /** Trains on, then pauses: after one step, one epoch's worth of steps, or the scheme's next decision. */
  advance(to: 'step' | 'epoch' | 'decision'): Promise<void> {
    if (to === 'decision') return this.#drive('decision');
    return this.#drive(this.step + (to === 'step' ? 1 : this.plan.stepsPerEpoch));
  }

  /** Pauses after the call to the engine that is under way. */
  pause(): void {
    this.#goal = 'now';
    this.#interrupt();
  }

  setPace(pace: Pace): void {
    this.#parts?.trainer.setPace(pace);
  }

  /** All that is needed to go on later. Throws while the run is moving, and before it is open. */
  async checkpoint(): Promise<RunCheckpoint> {
    if (this.#driving) throw new Error('Pause the run before taking a checkpoint.');
    const { engine, trainer } = this.#require();
    return {
      spec: this.spec,
      adapter: adapterOf(engine),
      scheme: this.plan.scheme.state(),
      explodingSteps: this.#watch.streak,
      trainer: await trainer.checkpoint(),
    };
  }

  /** Stops, tells nothing more, and releases what the run holds on the engine. */
  async dispose(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.pause();
    if (!this.#parts) return;
    this.#parts.feeder.close();
    // Buffers must not go while the engine uses them; a lost device uses nothing any more.
    await Promise.race([this.#driving, this.#parts.engine.lost]);
    closeParts(this.#parts);
    this.#parts = null;
  }

  async #resume(checkpoint: RunCheckpoint, trainer: Trainer): Promise<void> {
    await trainer.restore(checkpoint.trainer);
    this.plan.scheme.restore(checkpoint.scheme);
    this.#watch = new DivergenceWatch(checkpoint.explodingSteps);
    this.#phase = 'paused';
  }

  #drive(goal: number | 'decision'): Promise<void> {
    if (!this.#parts || this.#closed || this.#phase === 'done' || this.#phase === 'error') return Promise.resolve();
    this.#goal = goal;
    this.#driving ??= this.#loop(this.#parts);
    return this.#driving;
  }

  async #loop(parts: RunParts): Promise<void> {
    // Whoever hears of the phase below must already find the loop noted in #driving.
    await Promise.resolve();
    if (this.#phase === 'idle' || this.#phase === 'paused') this.#setPhase('running');
    try {
      while (this.#moving && !this.#reached(parts.trainer.step)) {
        await this.#advance(parts);
        await nextTask();
      }
    } catch (error) {
      const grace = new Promise<null>((resolve) => setTimeout(() => resolve(null), LOST_GRACE_MILLISECONDS));
      const lost = await Promise.race([parts.engine.lost, grace]);
      this.#stop('error', lost ?? (error instanceof Error ? error.message : String(error)));
    }
    this.#driving = null;
    if (this.#moving) this.#setPhase('paused');
  }

  get #moving(): boolean {
    return this.#phase === 'running' && !this.#closed;
  }

  #reached(step: number): boolean {
    return this.#goal === 'now' || (typeof this.#goal === 'number' && step >= this.#goal);
  }

  /** One call to the engine, and whatever is due after it. */
  async #advance(parts: RunParts): Promise<void> {
    const { trainer, feeder, order } = parts;
    const { scheme, evaluationDue, steps, hyperAt } = this.plan;
    const count = this.#stepsOfNextCall(parts);
    if (count === 0) {
      const interrupted = new Promise<void>((resolve) => (this.#interrupt = resolve));
      await Promise.race([feeder.need('train', order.needs(trainer.step)), interrupted]);
      return;
    }
    const began = performance.now();
    const metrics = await trainer.train(count, hyperAt);
    const elapsed = performance.now() - began;
    if (!this.#moving) return;
    this.#callSteps = nextCallSteps(count, elapsed);
    this.#throughput.record(count, elapsed / count);
    if (!this.#tellSteps(metrics, elapsed / count)) return;

    const { step } = trainer;
    if (scheme.dueAt(step)) await this.#decide(parts, step);
    if (this.#moving && evaluationDue(step)) await this.#evaluate(parts, step);
    if (this.#moving && step === steps) await this.#finish(parts, step);
  }

  /** As many steps as fit one call, without crossing anything due, a pause, or the images that are there. */
  #stepsOfNextCall({ trainer, feeder, order, data }: RunParts): number {
    const { scheme, evaluationDue } = this.plan;
    const { step: from } = trainer;
    const allThere = feeder.trainReady === data.layout.train;
    let count = 0;
    while (count < this.#callSteps) {
      if (!allThere && order.needs(from + count) > feeder.trainReady) break;
      count++;
      const after = from + count;
      if (scheme.dueAt(after) || evaluationDue(after) || this.#reached(after)) break;
    }
    return count;
  }

  /** Tells the steps of one call; false when one of them diverged, which ends the run. */
  #tellSteps({ firstStep, loss, accuracy }: StepMetrics, milliseconds: number): boolean {
    for (let i = 0; i < loss.length; i++) {
      const step = firstStep + i + 1;
      const trainLoss = loss[i] ?? NaN;
      const wrong = this.#watch.observe(trainLoss);
      if (Number.isFinite(trainLoss)) {
        const epoch = Math.floor((firstStep + i) / this.plan.stepsPerEpoch) + 1;
        const { learningRate } = this.plan.hyperAt(firstStep + i);
        const trainAccuracy = accuracy[i] ?? NaN;
        this.#tell({ kind: 'step', step, epoch, trainLoss, trainAccuracy, learningRate, milliseconds });
      }
      if (wrong !== null) {
        this.#stop('diverged', divergenceMessage(step, wrong, this.spec.train.learningRate), step);
        return false;
      }
    }
    return true;
  }

  async #decide({ trainer }: RunParts, step: number): Promise<void> {
    const began = performance.now();
    const before = trainer.structure;
    const decision = await this.plan.scheme.decide(step, before);
    await trainer.restructure(decision.structure);
    if (decision.write) await trainer.write(decision.write);
    if (!this.#moving) return;
    const milliseconds = performance.now() - began;
    for (const event of structureEvents(this.plan.network, before, decision, { step, milliseconds })) this.#tell(event);
    if (this.#goal === 'decision') this.#goal = 'now';
  }

  async #evaluate({ feeder, trainer }: RunParts, step: number): Promise<void> {
    await feeder.need('test');
    const { loss, accuracy, images } = await trainer.evaluate('test');
    if (!this.#moving) return;
    this.#tell({ kind: 'evaluate', step, testLoss: loss, testAccuracy: accuracy, images });
  }

  async #finish({ trainer }: RunParts, step: number): Promise<void> {
    const latencyMs = [];
    for (const batch of LATENCY_BATCHES) latencyMs.push(await trainer.latency(batch));
    if (!this.#moving) return;
    const imagesPerSecond = this.#throughput.imagesPerSecond(this.spec.train.batchSize);
    this.#tell({ kind: 'finish', step, latencyMs, imagesPerSecond });
    this.#setPhase('done');
  }

  /** Ends the run before its end; its history is kept. */
  #stop(kind: 'diverged' | 'error', message: string, step = this.step): void {
    if (this.#closed || this.#phase === 'done' || this.#phase === 'error') return;
    this.#tell({ kind, step, message });
    this.#setPhase('error');
    this.#interrupt();
  }

  #tell(event: RunEvent): void {
    if (!this.#closed) this.listener.onEvent(event);
  }

  #setPhase(phase: RunPhase): void {
    this.#phase = phase;
    if (!this.#closed) this.listener.onPhase?.(phase);
  }

  #require(): RunParts {
    if (!this.#parts) throw new Error('The run is not open: its scheme can measure only after the start.');
    return this.#parts;
  }
}

const adapterOf = ({ info }: Engine): AdapterRecord => ({ backend: info.backend, ...info.adapter });
