import type { RunEvent } from '../core/events/events.ts';
import type { Decision } from '../core/scheme/scheme.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Latency, Pace, StepMetrics } from '../engine/engine.ts';
import type { Answer, Asking, Question, QuestionKind } from '../core/questions/questions.ts';
import { EngineAccess } from './access.ts';
import { answer } from './answers.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { DataPool } from './data-pool.ts';
import { type Deciding, Decisions } from './decisions.ts';
import { DivergenceWatch, divergenceMessage } from './divergence.ts';
import type { Preparing } from './errand.ts';
import { sentenceOf } from './faults.ts';
import { Throughput, nextCallSteps, nextTask } from './pace.ts';
import { type RunParts, bytesOf, closeParts, startOf } from './parts.ts';
import type { RunPlan } from './plan.ts';
import { Recovery, adapterOf, faultOf } from './recovery.ts';
import { startEvents } from './run-events.ts';
import type { ForkChanges, OpenOptions, RunListener, RunPhase } from './run-options.ts';
import { type Setting, Settings } from './settings.ts';
import { Snapshots } from './snapshots.ts';

export type { ForkChanges, OpenOptions, RunListener, RunPhase } from './run-options.ts';

/** Batch sizes at which a finished run measures the latency of its compact network. */
const LATENCY_BATCHES = [1, 64] as const;

/**
 * Drives one spec on an engine and tells what happens as events. Pausing, stepping, the number of steps in a call to the
 * engine and lost devices never change what is computed: they only choose where to stop between two steps.
 */
export class Run {
  readonly #access = new EngineAccess(() => this.step / this.plan.steps);
  readonly #decisions: Decisions;
  readonly #recovery: Recovery;
  readonly #throughput = new Throughput();
  readonly #snapshots = new Snapshots();
  #keepsSnapshots = false;
  #settings = new Settings();
  #watch = new DivergenceWatch();
  #parts: RunParts | null = null;
  #pace: Pace | null = null;
  /** The last step told. */
  #told = 0;
  /** Events told. */
  #events = 0;
  /** Whether what is due at the step where the run stands (a decision, an evaluation, the end) is still to be done. */
  #pending = false;
  #phase: RunPhase = 'idle';
  #closed = false;
  /** Step at which to pause, or to pause as soon as possible. */
  #goal: number | 'end' | 'now' = 'now';
  #callSteps = 1;
  #driving: Promise<void> | null = null;
  #opening: Promise<void> | null = null;
  /** Questions being answered. */
  readonly #answering = new Set<Promise<unknown>>();
  #interrupt: () => void = () => undefined;

  /** Throws a sentence naming the key when the scheme cannot meet what the spec asks. */
  constructor(
    spec: Spec,
    readonly listener: RunListener,
  ) {
    this.#decisions = new Decisions(this.#deciding);
    this.#recovery = new Recovery(spec, this.#decisions.access);
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
  open(engine: Engine, cifar: Cifar10, options: OpenOptions = {}): Promise<void> {
    this.#opening = this.#begin(engine, cifar, options);
    return this.#opening;
  }

  async #begin(engine: Engine, cifar: Cifar10, options: OpenOptions): Promise<void> {
    const began = performance.now();
    const { spec, plan } = this;
    const { resume, note, reopen, fork } = options;
    this.#access.turns = options.turns ?? this.#access.turns;
    this.#keepsSnapshots = options.snapshots ?? false;
    this.#settings = new Settings(resume?.settings);
    if (resume) this.#recovery.keep(resume);
    const feeding = {
      onProgress: (loaded: number, total: number) => this.#closed || this.listener.onData?.(loaded, total),
      onFailure: (error: Error) => this.#stop('error', error.message),
    };
    const wanted = (): boolean => !this.#closed;
    const pool = options.pool ?? new DataPool();
    const preparing = this.#preparing;
    const { parts, events } = await this.#recovery.open(engine, { cifar, pool, feeding, reopen, preparing, wanted });
    if (this.#closed) {
      closeParts(parts);
      throw new Error('The run was closed while it was being opened.');
    }
    if (resume) this.#phase = !fork && resume.trainer.step >= plan.steps && !resume.pending ? 'done' : 'paused';
    else {
      const about = { adapter: adapterOf(parts.engine), milliseconds: performance.now() - began, note };
      for (const event of startEvents(spec, plan, parts.start, about)) this.#tell(event);
    }
    for (const event of events) this.#tell(event);
    this.#take(parts);
    if (fork) await this.#settle(parts, fork);
  }

  /** Trains to the end, or until paused. Resolves when the run stands still. */
  run(): Promise<void> {
    return this.#drive('end');
  }

  /** Trains on, then pauses: after one step, one epoch's worth of steps, or the scheme's next decision. */
  advance(to: 'step' | 'epoch' | 'decision'): Promise<void> {
    if (to === 'decision') return this.#drive(this.nextDecision ?? 'end');
    return this.#drive(this.step + (to === 'step' ? 1 : this.plan.stepsPerEpoch));
  }

  /** Trains on until so many updates have been made, then pauses. */
  advanceTo(step: number): Promise<void> {
    return this.#drive(step);
  }

  /** Step of the scheme's next decision; null when it makes none any more. */
  get nextDecision(): number | null {
    const { scheme, steps } = this.plan;
    for (let step = this.step + (this.#pending ? 0 : 1); step <= steps; step++) if (scheme.dueAt(step)) return step;
    return null;
  }

  /** Pauses after the call to the engine that is under way; a decision that tries candidates out is then made later. */
  pause(): void {
    this.#goal = 'now';
    this.#interrupt();
    if (this.#driving) this.#decisions.interrupt();
  }

  /** Changes a setting from the next update on. Ranges are the caller's to check. */
  change(setting: Setting): void {
    if (!this.#open || !this.#parts) return;
    this.#settings.request(setting);
    if (!this.#driving) this.#changeNow(this.#parts);
  }

  /** A kept checkpoint of a step, taken before what was due at it. */
  snapshotAt(step: number): RunCheckpoint | undefined {
    return this.#snapshots.at(step);
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
    if (kept && (!this.#parts || this.#access.loss !== null)) return kept;
    return this.#snapshot(this.#require());
  }

  /**
   * Answers a question about the run, between two steps while it is moving. Rejects with a sentence when it cannot be
   * answered, the run is closed or goes back to a checkpoint, or the question is taken back.
   */
  async ask<Kind extends QuestionKind>(question: Question<Kind>, asking?: Asking): Promise<Answer<Kind>> {
    const parts = this.#parts;
    if (!parts || this.#closed) throw new Error('This run is not open. Start it again to ask about it.');
    const turn = <T>(work: () => Promise<T>): Promise<T> =>
      this.#access.use(() => {
        if (parts !== this.#parts) throw new Error('The run went back to its last checkpoint. Ask again.');
        return work();
      });
    const { spec, plan } = this;
    const snapshotAt = (step: number): RunCheckpoint | undefined => this.#snapshots.at(step);
    const answering = answer(question, { ...this.#preparing, turn, spec, plan, parts, snapshotAt }, asking);
    this.#answering.add(answering);
    try {
      return await answering;
    } finally {
      this.#answering.delete(answering);
    }
  }

  async #snapshot({ engine, trainer }: RunParts): Promise<RunCheckpoint> {
    return {
      spec: this.spec,
      adapter: adapterOf(engine),
      // A copy: a scheme goes on changing what it holds.
      scheme: structuredClone(this.plan.scheme.state()),
      explodingSteps: this.#watch.streak,
      ...(this.#pending ? { pending: true } : {}),
      ...(this.#settings.changes.length > 0 ? { settings: this.#settings.changes } : {}),
      trainer: await trainer.checkpoint(),
    };
  }

  /** Stops, tells nothing more, and releases what the run holds on the engine. */
  async dispose(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#goal = 'now';
    this.#interrupt();
    this.#access.close();
    // What is being opened finds that the run is closed, and releases itself.
    if (!this.#parts) return;
    // Buffers must not go while the engine uses them; a lost device uses nothing any more.
    const busy = Promise.all([
      this.#opening?.catch(() => undefined),
      this.#driving,
      Promise.allSettled(this.#answering),
    ]);
    await Promise.race([busy, this.#parts.engine.lost]);
    closeParts(this.#parts);
    this.#parts = null;
  }

  /** Takes freshly opened parts into use. */
  #take(parts: RunParts): void {
    this.#parts = parts;
    this.#access.replaced();
    this.#told = parts.trainer.step;
    this.#pending = this.#recovery.kept?.pending ?? false;
    this.#watch = new DivergenceWatch(this.#recovery.kept?.explodingSteps);
    this.#settings.goBack(this.#told);
    this.#snapshots.forgetAfter(this.#told);
    this.#callSteps = 1;
    if (this.#pace) parts.trainer.setPace(this.#pace);
    void parts.engine.lost.then((message) => this.#onLost(parts, message));
    parts.feeder.start();
    this.#tellMemory();
  }

  #onLost(parts: RunParts, message: string): void {
    if (parts !== this.#parts || this.#closed || this.#phase === 'done' || this.#phase === 'error') return;
    this.#access.lose(message);
    if (!this.#driving) {
      this.#goal = 'now';
      this.#driving = this.#loop();
    }
  }

  #drive(goal: number | 'end'): Promise<void> {
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
    if (this.#access.loss === null) this.#move();
    while (this.#open && (this.#access.loss !== null || this.#wanting)) {
      const parts = this.#require();
      try {
        if (this.#access.loss !== null) throw new Error(this.#access.loss);
        this.#move();
        await this.#goOn(parts);
      } catch (error) {
        if (!(await this.#recover(parts, error))) break;
      }
      await nextTask();
    }
    this.#driving = null;
    if (this.#phase === 'running' && !this.#closed) this.#setPhase('paused');
  }

  /** Whether there is something to do before the run is to stand still. */
  get #wanting(): boolean {
    return !this.#reached(this.step) || (this.#pending && this.#goal !== 'now');
  }

  /** Trains some steps and does what is due after them. */
  async #goOn(parts: RunParts): Promise<void> {
    if (!this.#pending && (await this.#imagesThere(parts))) await this.#access.use(() => this.#call(parts));
    if (!this.#pending || !this.#moving(parts)) return;
    await this.#doWhatIsDue(parts);
    // What a pause leaves undone stays due in the checkpoint.
    if ((!this.#pending || this.#goal === 'now') && this.#moving(parts)) {
      await this.#access.use(() => this.#keep(parts));
    }
    if (!this.#pending && this.#moving(parts) && parts.trainer.step === this.plan.steps) this.#setPhase('done');
  }

  #move(): void {
    if (this.#phase === 'idle' || this.#phase === 'paused') this.#setPhase('running');
  }

  /** Waits for images, outside of any turn; false when it was interrupted. */
  async #imagesThere({ feeder, order, trainer }: RunParts): Promise<boolean> {
    const needed = order.needs(trainer.step);
    if (feeder.trainReady >= needed) return true;
    const interrupted = new Promise<false>((resolve) => (this.#interrupt = () => resolve(false)));
    const there = this.#access.there(feeder.need('train', needed)).then(() => true);
    return Promise.race([there, interrupted]);
  }

  get #deciding(): Deciding {
    return {
      spec: () => this.spec,
      plan: () => this.plan,
      preparing: this.#preparing,
      pausing: () => this.#driving !== null && this.#goal === 'now',
      parts: () => this.#require(),
      moving: (parts) => this.#moving(parts),
      use: (work) => this.#access.use(work),
      there: (images) => this.#access.there(images),
      tell: (event) => this.#tell(event),
      tellMemory: () => this.#tellMemory(),
    };
  }

  get #preparing(): Preparing {
    return {
      turn: (work) => this.#access.turn(work),
      closing: this.#access.closing,
      onProgress: (progress) => this.#closed || this.listener.onSchemeProgress?.(progress),
    };
  }

  /** One turn on the engine. What was asked for while it was waited for may have made it unnecessary. */
  async #call(parts: RunParts): Promise<void> {
    if (!this.#moving(parts) || this.#reached(this.step)) return;
    await this.#advance(parts);
    if (!this.#pending) await this.#keep(parts);
  }

  /** Keeps what the run could go back to and be forked from, when it is time to. */
  async #keep(parts: RunParts): Promise<void> {
    const { kept, step, due } = this.#recovery;
    const newer = this.step !== step || this.#pending !== (kept?.pending ?? false);
    const stands = this.#reached(this.step) || this.step === this.plan.steps;
    if (newer && this.#moving(parts) && (due || stands)) await this.#keepNow(parts);
    // Where it stands still it can be forked; before what was due there, a checkpoint has been kept already.
    if (this.#reached(this.step) && !this.#isDue(this.step)) await this.#keepSnapshot(parts);
  }

  async #keepNow(parts: RunParts): Promise<void> {
    const began = performance.now();
    const events = this.#events;
    const checkpoint = await this.#snapshot(parts);
    if (!this.#moving(parts)) return;
    this.#recovery.keep(checkpoint, performance.now() - began);
    this.listener.onCheckpoint?.(checkpoint, events);
  }

  /** Changes settings while the run stands still; a checkpoint of where it stands has them from now on. */
  #changeNow(parts: RunParts): void {
    this.#applyChanges(parts);
    const { kept } = this.#recovery;
    if (kept?.trainer.step !== this.step || (kept.pending ?? false) !== this.#pending) return;
    const changed = { ...kept, settings: this.#settings.changes };
    this.#recovery.amend(changed);
    this.listener.onCheckpoint?.(changed, this.#events);
  }

  /** Goes on after a lost device or with half the batch; false when the run cannot, which has then been told. */
  async #recover(parts: RunParts, failure: unknown): Promise<boolean> {
    if (!this.#open) return false;
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
    return this.#open && parts === this.#parts && this.#access.loss === null;
  }

  #reached(step: number): boolean {
    if (this.#goal === 'end') return step >= this.plan.steps;
    return this.#goal === 'now' || (typeof this.#goal === 'number' && step >= this.#goal);
  }

  /** Some steps of training. */
  async #advance(parts: RunParts): Promise<void> {
    const { trainer } = parts;
    this.#applyChanges(parts);
    const count = this.#stepsOfNextCall(parts);
    if (count === 0) return;
    const hyperAt = this.#hyperAt;
    const began = performance.now();
    const metrics = await trainer.train(count, hyperAt);
    const elapsed = performance.now() - began;
    if (!this.#moving(parts)) return;
    this.#recovery.trained(elapsed);
    this.#callSteps = nextCallSteps(count, elapsed);
    this.#throughput.record(count, elapsed / count);
    if (!this.#tellSteps(metrics, elapsed / count)) return;
    if (!this.#isDue(trainer.step)) return;
    this.#pending = true;
    await this.#keepSnapshot(parts);
  }

  #isDue(step: number): boolean {
    const { scheme, evaluationDue } = this.plan;
    return scheme.dueAt(step) || evaluationDue(step);
  }

  /**
   * What follows the update that has just been made: a decision, an evaluation, the end. All of it stays due when the
   * decision is interrupted.
   */
  async #doWhatIsDue(parts: RunParts): Promise<void> {
    const { scheme, evaluationDue, steps } = this.plan;
    const { step } = parts.trainer;
    if (scheme.dueAt(step)) {
      const decide = () => scheme.decide(step, parts.trainer.structure);
      if (!(await this.#decisions.make(parts, decide))) return;
    }
    if (this.#moving(parts) && evaluationDue(step)) await this.#evaluate(parts, step);
    if (this.#moving(parts) && step === steps) await this.#finish(parts, step);
    this.#pending = false;
  }

  /** A fork's beginning: what was due where it leaves its parent, done its own way, then what was changed by hand. */
  async #settle(parts: RunParts, { scheme, channels, taps }: ForkChanges): Promise<void> {
    const start = scheme ? await this.#schemeStart(parts) : null;
    if (start) await this.#decisions.make(parts, async () => start);
    if (start?.write) await this.#decisions.forgetMomentum(parts, start.write);
    if (this.#pending) await this.#doWhatIsDue(parts);
    if (!this.#moving(parts)) return;
    const ended = !this.#pending && parts.trainer.step === this.plan.steps;
    if (!ended && (channels || taps)) await this.#decisions.byHand(parts, { channels, taps });
    await this.#access.use(async () => {
      await this.#keepNow(parts);
      if (!ended) await this.#keepSnapshot(parts);
    });
    if (ended && this.#moving(parts)) this.#setPhase('done');
  }

  /** What a scheme that decides before the first step only decides here; null for any other. */
  async #schemeStart(parts: RunParts): Promise<Decision | null> {
    const { scheme } = this.plan;
    const { step } = parts.trainer;
    if (!scheme.atInit || scheme.dueAt(step) || this.nextDecision !== null) return null;
    const parameters = await this.#access.use(() => parts.trainer.read());
    return startOf(this.spec, this.plan, parameters, { ...parts, ...this.#preparing });
  }

  async #keepSnapshot(parts: RunParts): Promise<void> {
    if (!this.#keepsSnapshots || !this.#moving(parts)) return;
    const checkpoint = await this.#snapshot(parts);
    if (!this.#moving(parts)) return;
    this.#snapshots.keep({ ...checkpoint, pending: true });
    this.listener.onSnapshots?.(this.#snapshots.steps);
  }

  /** What the optimiser uses, changes by hand included. */
  get #hyperAt(): RunPlan['hyperAt'] {
    return this.#settings.hyperOf(this.spec, this.plan.hyperAt);
  }

  #applyChanges({ trainer: { step } }: RunParts): void {
    for (const event of this.#settings.apply(this.spec, step)) this.#tell(event);
  }

  /** As many steps as fit one call, without crossing anything due, a pause, or the images that are there. */
  #stepsOfNextCall({ trainer, feeder, order, data }: RunParts): number {
    const { step: from } = trainer;
    const allThere = feeder.trainReady === data.layout.train;
    let count = 0;
    while (count < this.#callSteps) {
      if (!allThere && order.needs(from + count) > feeder.trainReady) break;
      count++;
      const after = from + count;
      if (this.#isDue(after) || this.#reached(after)) break;
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
        const { learningRate } = this.#hyperAt(firstStep + i);
        const trainAccuracy = accuracy[i] ?? NaN;
        this.#told = step;
        this.#tell({ kind: 'step', step, epoch, trainLoss, trainAccuracy, learningRate, milliseconds });
        for (const event of this.#settings.toldAgain(this.spec, step)) this.#tell(event);
      }
      if (wrong !== null) {
        this.#stop('diverged', divergenceMessage(step, wrong, this.spec.train.learningRate), step);
        return false;
      }
    }
    return true;
  }

  async #evaluate({ feeder, trainer }: RunParts, step: number): Promise<void> {
    await this.#access.there(feeder.need('test'));
    const { loss, accuracy, images } = await this.#access.use(() => trainer.evaluate('test'));
    if (!this.#open) return;
    this.#tell({ kind: 'evaluate', step, testLoss: loss, testAccuracy: accuracy, images });
  }

  async #finish({ trainer }: RunParts, step: number): Promise<void> {
    const latencyMs: Latency[] = [];
    await this.#access.use(async () => {
      for (const batch of LATENCY_BATCHES) latencyMs.push(await trainer.latency(batch));
    });
    if (!this.#open) return;
    const imagesPerSecond = this.#throughput.imagesPerSecond(this.spec.train.batchSize);
    this.#tell({ kind: 'finish', step, latencyMs, imagesPerSecond });
  }

  /** Ends the run before its end; its history is kept. */
  #stop(kind: 'diverged' | 'error', message: string, step = this.step): void {
    if (this.#closed || this.#phase === 'done' || this.#phase === 'error') return;
    this.#tell({ kind, step, message });
    this.#setPhase('error');
    this.#interrupt();
  }

  #tell(event: RunEvent): void {
    if (this.#closed) return;
    this.#events++;
    this.listener.onEvent(event);
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
