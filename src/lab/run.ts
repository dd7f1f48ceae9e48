import type { AdapterRecord, BatchHalvedEvent, RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import { type Engine, OutOfMemoryError, type Pace, type StepMetrics, type Trainer } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { DivergenceWatch, divergenceMessage } from './divergence.ts';
import {
  type Halving,
  batchHalvedMessage,
  halvedBatch,
  noOtherDevice,
  recoveredMessage,
  stillNoMemory,
  tooManyLosses,
} from './faults.ts';
import { Keeping } from './keeping.ts';
import { Throughput, nextCallSteps, nextTask } from './pace.ts';
import { type RunParts, bytesOf, closeParts, openParts } from './parts.ts';
import { type RunPlan, type SchemeAccess, planRun } from './plan.ts';
import { startEvents, structureEvents } from './run-events.ts';

/** Where a run stands: `idle` before its first step, `done` and `error` for good. */
export type RunPhase = 'idle' | 'running' | 'paused' | 'done' | 'error';

export interface RunListener {
  onEvent(event: RunEvent): void;
  onPhase?(phase: RunPhase): void;
  onData?(loadedImages: number, totalImages: number): void;
  /** Memory that the run holds on its engine; told when it changes. */
  onMemory?(bytes: number): void;
}

export interface OpenOptions {
  /** Goes on from here instead of from the beginning; its events are not told again. */
  readonly resume?: RunCheckpoint;
  /** Something about the engine that belongs in the history, such as why a slower one was taken. */
  readonly note?: string;
  /**
   * Gives an engine in place of one whose device was lost or has no memory left, or rejects with a sentence. Without it
   * a lost device ends the run.
   */
  readonly reopen?: (failed: Engine) => Promise<Engine>;
}

/** Batch sizes at which a finished run measures the latency of its compact network. */
const LATENCY_BATCHES = [1, 64] as const;
/** How long a failed call waits for the engine to say that its device was lost, which explains the failure. */
const LOST_GRACE_MILLISECONDS = 100;
/** Devices lost one after the other, without a newer checkpoint in between, at which a run gives up. */
const MOST_LOSSES = 3;

/**
 * Drives one spec on an engine and tells what happens as events. Pausing, stepping and the number of steps in a call
 * to the engine never change what is computed: they only choose where to stop between two steps.
 *
 * A checkpoint is kept in memory. When the device is lost, the run opens another and goes on from there; on the same
 * adapter the result is the same bit for bit. When memory runs out, it goes on with half the batch, once.
 */
export class Run {
  #spec: Spec;
  #plan: RunPlan;
  readonly #access: SchemeAccess;
  readonly #throughput = new Throughput();
  #watch = new DivergenceWatch();
  #parts: RunParts | null = null;
  #cifar: Cifar10 | null = null;
  #reopen: OpenOptions['reopen'];
  #pace: Pace | null = null;
  readonly #keeping = new Keeping();
  /** The last checkpoint in memory; none yet means the beginning, which follows from the spec. */
  #kept: RunCheckpoint | null = null;
  /** Devices lost since the last checkpoint. */
  #losses = 0;
  /** The batch before and after it was halved. */
  #halving: Halving | null = null;
  /** Why the parts are of no use any more: their device was lost. */
  #loss: string | null = null;
  /** The last step told. */
  #told = 0;
  #phase: RunPhase = 'idle';
  #closed = false;
  /** Step at which to pause, or to pause after the next decision, or as soon as possible. */
  #goal: number | 'decision' | 'end' | 'now' = 'now';
  #callSteps = 1;
  #driving: Promise<void> | null = null;
  #interrupt: () => void = () => undefined;
  /** Leaves the call to the engine that is under way: a lost device need not answer it. */
  #abandon: (reason: Error) => void = () => undefined;

  /** Throws a sentence naming the key when the scheme cannot meet what the spec asks. */
  constructor(
    spec: Spec,
    readonly listener: RunListener,
  ) {
    this.#spec = spec;
    this.#access = {
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
    };
    this.#plan = planRun(spec, this.#access);
  }

  /** What is run: the spec given, but for a batch halved for lack of memory. */
  get spec(): Spec {
    return this.#spec;
  }

  get plan(): RunPlan {
    return this.#plan;
  }

  get phase(): RunPhase {
    return this.#phase;
  }

  /** Updates made so far. */
  get step(): number {
    return this.#parts?.trainer.step ?? this.#told;
  }

  /** Bytes of memory that the run holds on its engine. */
  get bytes(): number {
    return this.#parts ? bytesOf(this.#parts) : 0;
  }

  /**
   * Prepares the run on an engine (not owned) and tells its start, the events of step 0; images load in the background.
   * Throws a sentence, having released everything, when the engine or the data set cannot serve the spec.
   */
  async open(engine: Engine, cifar: Cifar10, { resume, note, reopen }: OpenOptions = {}): Promise<void> {
    const began = performance.now();
    const asked = { spec: this.#spec, plan: this.#plan };
    this.#cifar = cifar;
    this.#reopen = reopen;
    if (resume) this.#keep(resume);
    let halved: BatchHalvedEvent | null = null;
    let used = engine;
    let parts: RunParts;
    try {
      parts = await this.#openParts(used);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      halved = this.#halve(error);
      used = await this.#engineAfter(engine);
      parts = await this.#openParts(used).catch((again: unknown) => {
        throw again instanceof OutOfMemoryError ? new Error(stillNoMemory(again, halved)) : again;
      });
    }
    if (!resume) {
      const about = { adapter: adapterOf(used), milliseconds: performance.now() - began, note };
      for (const event of startEvents(asked.spec, asked.plan, parts.start, about)) this.#tell(event);
    }
    if (halved) this.#tell(halved);
    this.#take(parts);
  }

  /** Trains to the end, or until paused. Resolves when the run stands still. */
  run(): Promise<void> {
    return this.#drive('end');
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
    this.#pace = pace;
    this.#parts?.trainer.setPace(pace);
  }

  /**
   * All that is needed to go on later; after its device was lost, as of the last checkpoint in memory. Throws while the
   * run is moving, and before it is open.
   */
  async checkpoint(): Promise<RunCheckpoint> {
    if (this.#driving) throw new Error('Pause the run before taking a checkpoint.');
    if (this.#kept && (!this.#parts || this.#loss !== null)) return this.#kept;
    return this.#snapshot(this.#require());
  }

  async #snapshot({ engine, trainer }: RunParts): Promise<RunCheckpoint> {
    return {
      spec: this.#spec,
      adapter: adapterOf(engine),
      // A copy: a scheme goes on changing what it holds.
      scheme: structuredClone(this.#plan.scheme.state()),
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

  /** Opens the parts on an engine, as of the checkpoint in memory where there is one. */
  async #openParts(engine: Engine): Promise<RunParts> {
    if (!this.#cifar) throw new Error('The run is not open.');
    const parts = await openParts(this.#spec, this.#plan, {
      engine,
      cifar: this.#cifar,
      listener: {
        onProgress: (loaded, total) => this.#closed || this.listener.onData?.(loaded, total),
        onFailure: (error) => this.#stop('error', error.message),
      },
    });
    try {
      if (this.#closed) throw new Error('The run was closed while it was being opened.');
      if (this.#kept) await this.#restore(this.#kept, parts.trainer);
    } catch (error) {
      closeParts(parts);
      throw error;
    }
    return parts;
  }

  async #restore(checkpoint: RunCheckpoint, trainer: Trainer): Promise<void> {
    await trainer.restore(checkpoint.trainer);
    this.#plan.scheme.restore(structuredClone(checkpoint.scheme));
    this.#watch = new DivergenceWatch(checkpoint.explodingSteps);
    if (this.#phase === 'idle') this.#phase = 'paused';
  }

  /** Takes freshly opened parts into use. */
  #take(parts: RunParts): void {
    this.#parts = parts;
    this.#loss = null;
    this.#told = parts.trainer.step;
    if (this.#pace) parts.trainer.setPace(this.#pace);
    void parts.engine.lost.then((message) => this.#onLost(parts, message));
    parts.feeder.start();
    this.#tellMemory();
  }

  #onLost(parts: RunParts, message: string): void {
    if (parts !== this.#parts || this.#closed || this.#phase === 'done' || this.#phase === 'error') return;
    this.#loss = message;
    if (!this.#reopen) this.#stop('error', message);
    if (this.#driving) this.#abandon(new Error(message));
    else if (this.#reopen) {
      this.#goal = 'now';
      this.#driving = this.#loop();
    }
  }

  #drive(goal: number | 'decision' | 'end'): Promise<void> {
    if (!this.#parts && !this.#driving) return Promise.resolve();
    if (this.#closed || this.#phase === 'done' || this.#phase === 'error') return Promise.resolve();
    this.#goal = goal;
    this.#driving ??= this.#loop();
    return this.#driving;
  }

  async #loop(): Promise<void> {
    // Whoever hears of the phase below must already find the loop noted in #driving.
    await Promise.resolve();
    // A device lost while the run stands still is replaced without its moving.
    if (this.#loss === null) this.#move();
    while (this.#open && (this.#loss !== null || !this.#reached(this.step))) {
      const parts = this.#require();
      try {
        if (this.#loss !== null) throw new Error(this.#loss);
        this.#move();
        await this.#unlessLost(this.#advance(parts));
        if (this.#moving(parts) && (this.#keeping.due || this.#reached(this.step))) await this.#keepNow(parts);
      } catch (error) {
        if (!(await this.#recover(parts, error))) break;
      }
      await nextTask();
    }
    this.#driving = null;
    if (this.#phase === 'running' && !this.#closed) this.#setPhase('paused');
  }

  #move(): void {
    if (this.#phase === 'idle' || this.#phase === 'paused') this.#setPhase('running');
  }

  #unlessLost(call: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#abandon = reject;
      call.then(resolve, reject);
    });
  }

  async #keepNow(parts: RunParts): Promise<void> {
    if (parts.trainer.step === (this.#kept?.trainer.step ?? 0)) return;
    const began = performance.now();
    let checkpoint: RunCheckpoint | null = null;
    await this.#unlessLost(this.#snapshot(parts).then((taken) => void (checkpoint = taken)));
    if (checkpoint) this.#keep(checkpoint);
    this.#keeping.kept(performance.now() - began);
  }

  #keep(checkpoint: RunCheckpoint): void {
    this.#kept = checkpoint;
    this.#losses = 0;
  }

  /**
   * Goes back to the checkpoint in memory (or to the beginning) on another engine after a lost device, or with half the
   * batch when memory ran out. False when the run cannot go on, which has then been told.
   */
  async #recover(parts: RunParts, failure: unknown): Promise<boolean> {
    const noMemory = failure instanceof OutOfMemoryError;
    const lost = noMemory ? null : await this.#lossOf(parts.engine);
    if (!this.#open) return false;
    const reached = Math.max(this.#told, parts.trainer.step);
    if ((lost === null && !noMemory) || (lost !== null && !this.#reopen)) {
      return this.#giveUp(lost ?? sentenceOf(failure), reached);
    }
    // Whatever the failed call still does finds that its parts are no longer the run's.
    this.#parts = null;
    this.#told = reached;
    closeParts(parts);
    return this.#goBack(parts.engine, failure, lost, reached);
  }

  async #goBack(failed: Engine, failure: unknown, lost: string | null, reached: number): Promise<boolean> {
    const back = this.#kept?.trainer.step ?? 0;
    if (lost !== null && ++this.#losses >= MOST_LOSSES) return this.#giveUp(tooManyLosses(MOST_LOSSES, back), reached);
    let engine = failed;
    try {
      const halved = failure instanceof OutOfMemoryError ? this.#halve(failure) : null;
      // A fresh plan: a scheme in the middle of a decision is in no state to go on from.
      if (!halved) this.#plan = planRun(this.#spec, this.#access);
      this.#watch = new DivergenceWatch();
      this.#callSteps = 1;
      engine = await this.#engineAfter(failed);
      if (!this.#open) return false;
      const parts = await this.#openParts(engine);
      if (!this.#open) {
        closeParts(parts);
        return false;
      }
      const adapter = adapterOf(engine);
      const message = recoveredMessage(lost ?? '', reached, back);
      this.#tell(halved ?? { kind: 'recovered', step: back, from: reached, adapter, message });
      this.#take(parts);
      return true;
    } catch (error) {
      if (!this.#open) return false;
      const again = engine !== failed && !(error instanceof OutOfMemoryError) ? await this.#lossOf(engine) : null;
      if (again !== null || (error instanceof OutOfMemoryError && !this.#halving)) {
        return this.#goBack(engine, error, again, reached);
      }
      if (error instanceof OutOfMemoryError) return this.#giveUp(stillNoMemory(error, this.#halving), reached);
      return this.#giveUp(lost === null ? sentenceOf(error) : noOtherDevice(lost, sentenceOf(error)), reached);
    }
  }

  #giveUp(message: string, step: number): false {
    this.#stop('error', message, step);
    return false;
  }

  /** The engine to use after one failed. */
  async #engineAfter(failed: Engine): Promise<Engine> {
    return this.#reopen ? this.#reopen(failed) : failed;
  }

  /** What the engine says of the loss of its device; null when it still has it. */
  #lossOf(engine: Engine): Promise<string | null> {
    const grace = new Promise<null>((resolve) => setTimeout(() => resolve(null), LOST_GRACE_MILLISECONDS));
    return Promise.race([engine.lost, grace]);
  }

  /** Halves the batch from the checkpoint in memory on. Throws a sentence when it has been halved before. */
  #halve(error: OutOfMemoryError): BatchHalvedEvent {
    const step = this.#kept?.trainer.step ?? 0;
    const from = this.#spec.train.batchSize;
    if (this.#halving || from < 2) throw new Error(stillNoMemory(error, this.#halving));
    this.#spec = halvedBatch(this.#spec, step, this.#plan.steps);
    this.#plan = planRun(this.#spec, this.#access);
    const { batchSize: to } = this.#spec.train;
    this.#halving = { from, to };
    if (this.#kept) this.#kept = { ...this.#kept, spec: this.#spec };
    const { steps, stepsPerEpoch } = this.#plan;
    const message = batchHalvedMessage(error, { from, to });
    return { kind: 'batchHalved', step, from, to, steps, stepsPerEpoch, message };
  }

  get #open(): boolean {
    return !this.#closed && this.#phase !== 'done' && this.#phase !== 'error';
  }

  /** Whether a call that was begun with these parts is still wanted. */
  #moving(parts: RunParts): boolean {
    return this.#phase === 'running' && !this.#closed && parts === this.#parts && this.#loss === null;
  }

  #reached(step: number): boolean {
    if (this.#goal === 'end') return step >= this.#plan.steps;
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
    if (!this.#moving(parts)) return;
    this.#keeping.trained(elapsed);
    this.#callSteps = nextCallSteps(count, elapsed);
    this.#throughput.record(count, elapsed / count);
    if (!this.#tellSteps(metrics, elapsed / count)) return;

    const { step } = trainer;
    if (scheme.dueAt(step)) await this.#decide(parts, step);
    if (this.#moving(parts) && evaluationDue(step)) await this.#evaluate(parts, step);
    if (this.#moving(parts) && step === steps) await this.#finish(parts, step);
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
        this.#told = step;
        this.#tell({ kind: 'step', step, epoch, trainLoss, trainAccuracy, learningRate, milliseconds });
      }
      if (wrong !== null) {
        this.#stop('diverged', divergenceMessage(step, wrong, this.spec.train.learningRate), step);
        return false;
      }
    }
    return true;
  }

  async #decide(parts: RunParts, step: number): Promise<void> {
    const { trainer } = parts;
    const began = performance.now();
    const before = trainer.structure;
    const decision = await this.plan.scheme.decide(step, before);
    await trainer.restructure(decision.structure);
    if (decision.write) await trainer.write(decision.write);
    if (!this.#moving(parts)) return;
    const milliseconds = performance.now() - began;
    for (const event of structureEvents(this.plan.network, before, decision, { step, milliseconds })) this.#tell(event);
    this.#tellMemory();
    if (this.#goal === 'decision') this.#goal = 'now';
  }

  async #evaluate(parts: RunParts, step: number): Promise<void> {
    const { feeder, trainer } = parts;
    await feeder.need('test');
    const { loss, accuracy, images } = await trainer.evaluate('test');
    if (!this.#moving(parts)) return;
    this.#tell({ kind: 'evaluate', step, testLoss: loss, testAccuracy: accuracy, images });
  }

  async #finish(parts: RunParts, step: number): Promise<void> {
    const { trainer } = parts;
    const latencyMs = [];
    for (const batch of LATENCY_BATCHES) latencyMs.push(await trainer.latency(batch));
    if (!this.#moving(parts)) return;
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

  #tellMemory(): void {
    if (!this.#closed) this.listener.onMemory?.(this.bytes);
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
const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
