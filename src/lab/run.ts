import type { RunEvent } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Pace, StepMetrics } from '../engine/engine.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { DivergenceWatch, divergenceMessage } from './divergence.ts';
import { sentenceOf } from './faults.ts';
import { Throughput, nextCallSteps, nextTask } from './pace.ts';
import { type RunParts, applyRules, bytesOf, closeParts } from './parts.ts';
import type { RunPlan } from './plan.ts';
import { Recovery, type Reopen, adapterOf, faultOf } from './recovery.ts';
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
  /** Lets the run go on when its device is lost, which ends it otherwise, and empties one that is full. */
  readonly reopen?: Reopen;
}

/** Batch sizes at which a finished run measures the latency of its compact network. */
const LATENCY_BATCHES = [1, 64] as const;
/**
 * Drives one spec on an engine and tells what happens as events. Pausing, stepping, the number of steps in a call to the
 * engine and lost devices never change what is computed: they only choose where to stop between two steps.
 */
export class Run {
  readonly #recovery: Recovery;
  readonly #throughput = new Throughput();
  #watch = new DivergenceWatch();
  #parts: RunParts | null = null;
  #pace: Pace | null = null;
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
    this.#recovery = new Recovery(spec, {
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

  /** What is run: the spec given, but for a batch halved for lack of memory. */
  get spec(): Spec {
    return this.#recovery.spec;
  }

  get plan(): RunPlan {
    return this.#recovery.plan;
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
    const { spec, plan } = this;
    if (resume) this.#recovery.keep(resume);
    const feeding = {
      onProgress: (loaded: number, total: number) => this.#closed || this.listener.onData?.(loaded, total),
      onFailure: (error: Error) => this.#stop('error', error.message),
    };
    const wanted = (): boolean => !this.#closed;
    const { parts, events } = await this.#recovery.open(engine, { cifar, feeding, reopen, wanted });
    if (resume) this.#phase = 'paused';
    else {
      const about = { adapter: adapterOf(parts.engine), milliseconds: performance.now() - began, note };
      for (const event of startEvents(spec, plan, parts.start, about)) this.#tell(event);
    }
    for (const event of events) this.#tell(event);
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
    const { kept } = this.#recovery;
    if (kept && (!this.#parts || this.#loss !== null)) return kept;
    return this.#snapshot(this.#require());
  }

  async #snapshot({ engine, trainer }: RunParts): Promise<RunCheckpoint> {
    return {
      spec: this.spec,
      adapter: adapterOf(engine),
      // A copy: a scheme goes on changing what it holds.
      scheme: structuredClone(this.plan.scheme.state()),
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

  /** Takes freshly opened parts into use. */
  #take(parts: RunParts): void {
    this.#parts = parts;
    this.#loss = null;
    this.#told = parts.trainer.step;
    this.#watch = new DivergenceWatch(this.#recovery.kept?.explodingSteps);
    this.#callSteps = 1;
    if (this.#pace) parts.trainer.setPace(this.#pace);
    void parts.engine.lost.then((message) => this.#onLost(parts, message));
    parts.feeder.start();
    this.#tellMemory();
  }

  #onLost(parts: RunParts, message: string): void {
    if (parts !== this.#parts || this.#closed || this.#phase === 'done' || this.#phase === 'error') return;
    this.#loss = message;
    if (this.#driving) this.#abandon(new Error(message));
    else {
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
        if (this.#moving(parts) && (this.#recovery.due || this.#reached(this.step))) await this.#keepNow(parts);
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
    if (parts.trainer.step === this.#recovery.step) return;
    const began = performance.now();
    let checkpoint: RunCheckpoint | null = null;
    await this.#unlessLost(this.#snapshot(parts).then((taken) => void (checkpoint = taken)));
    if (checkpoint) this.#recovery.keep(checkpoint, performance.now() - began);
  }

  /** Goes on after a lost device or with half the batch; false when the run cannot, which has then been told. */
  async #recover(parts: RunParts, failure: unknown): Promise<boolean> {
    const fault = await faultOf(parts.engine, failure);
    if (!this.#open) return false;
    const reached = Math.max(this.#told, parts.trainer.step);
    try {
      if (!fault) throw failure;
      // Whatever the failed call still does finds that its parts are no longer the run's.
      this.#parts = null;
      this.#told = reached;
      closeParts(parts);
      const { parts: next, events } = await this.#recovery.goBack(fault, reached);
      for (const event of events) this.#tell(event);
      this.#take(next);
      return true;
    } catch (error) {
      this.#stop('error', sentenceOf(error), reached);
      return false;
    }
  }

  get #open(): boolean {
    return !this.#closed && this.#phase !== 'done' && this.#phase !== 'error';
  }

  /** Whether a call that was begun with these parts is still wanted. */
  #moving(parts: RunParts): boolean {
    return this.#phase === 'running' && !this.#closed && parts === this.#parts && this.#loss === null;
  }

  #reached(step: number): boolean {
    if (this.#goal === 'end') return step >= this.plan.steps;
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
    this.#recovery.trained(elapsed);
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
    await applyRules(trainer, this.plan.scheme);
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
