import type { AdapterRecord, RunEvent } from '../core/events/events.ts';
import type { Answer, Asking, Question, QuestionKind } from '../core/questions/questions.ts';
import { forkProblems, otherScheme } from '../core/spec/fork.ts';
import { parseSpec } from '../core/spec/parse.ts';
import { MOST_RUNS } from '../core/spec/race.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Cifar10 } from '../data/cifar10.ts';
import type { Engine, Pace } from '../engine/engine.ts';
import { SCHEMES } from '../schemes/index.ts';
import type { RunCheckpoint } from './checkpoint.ts';
import { DataPool } from './data-pool.ts';
import type { OpenedEngine } from './engines.ts';
import { otherAdapterMessage, sentenceOf } from './faults.ts';
import { adapterOf } from './recovery.ts';
import { forkEvents } from './run-events.ts';
import type { OpenOptions } from './run-options.ts';
import { Run } from './run.ts';
import {
  type ForkRequest,
  type ResumeRequest,
  type RunRequest,
  type SessionListener,
  type SessionServices,
  type SessionState,
  together,
} from './session-options.ts';
import type { Setting } from './settings.ts';
import { rememberShards } from './shard-memory.ts';
import { Turns } from './turns.ts';

export type {
  ForkRequest,
  ResumeRequest,
  Resumption,
  RunRequest,
  SessionListener,
  SessionServices,
  SessionState,
} from './session-options.ts';

/** What there is of an open run, to take away. */
export interface Standing {
  readonly spec: Spec;
  readonly state: SessionState;
  /** All it told. */
  readonly log: readonly RunEvent[];
  /** Its latest checkpoint in memory, and how many events it had told by then; null before the first update. */
  readonly latest: { readonly checkpoint: RunCheckpoint; readonly events: number } | null;
}

/** Milliseconds before each try to open another device: after a GPU process died, adapters come back in about 300. */
const REOPEN_AFTER = [0, 300, 1_000, 3_000] as const;

type Advance = 'step' | 'epoch' | 'decision' | 'end';

interface Member {
  readonly number: number;
  spec: Spec;
  /** All it has told, to fork from. */
  readonly log: RunEvent[];
  /** Once it is open. */
  run: Run | null;
  /** While it is being opened. */
  opening: Run | null;
  state: SessionState;
  latest: Standing['latest'];
  readonly origin: Origin;
}

/** Where a run begins that does not begin at its beginning. */
interface Origin {
  /** A fork. */
  readonly fork?: {
    readonly options: Pick<OpenOptions, 'resume' | 'fork'>;
    readonly parent: { readonly log: readonly RunEvent[]; readonly name: string };
  };
  /** One that was kept. */
  readonly load?: ResumeRequest['load'];
}

/**
 * What stands behind the page's controls: up to six open runs that take turns on one engine, which outlives them (until
 * its device is lost), and the data set, which stays in memory. Each run fails alone.
 */
export class Session {
  readonly #services: SessionServices;
  readonly #listener: SessionListener;
  readonly #members = new Map<number, Member>();
  readonly #turns = new Turns();
  readonly #pool = new DataPool();
  #state: SessionState = 'idle';
  /** What was asked for while runs were still being opened; `end` holds for runs that are added later, too. */
  #wanted: Advance | null = null;
  #pace: Pace = 'smooth';
  #engine: Promise<OpenedEngine> | null = null;
  /** The latest engine that could be opened. */
  #opened: Engine | null = null;
  #data: Promise<Cifar10> | null = null;
  /** Runs are opened and closed one after the other. */
  #opening: Promise<void> = Promise.resolve();

  constructor(services: SessionServices, listener: SessionListener) {
    this.#services = services;
    this.#listener = listener;
  }

  /** Opens runs in place of all that are open; when a spec is refused, nothing changes. */
  open(requests: readonly RunRequest[]): Promise<void> {
    const parsed = requests.map((request) => this.#parse(request));
    if (parsed.some((spec) => spec === null)) return this.#opening;
    const before = [...this.#members.values()];
    this.#members.clear();
    this.#wanted = null;
    for (const { number, opening } of before) {
      void opening?.dispose();
      this.#listener.onClosed?.(number);
    }
    const closed = this.#then(async () => {
      for (const { run } of before) await run?.dispose();
    });
    requests.forEach(({ run }, i) => {
      const spec = parsed[i];
      if (spec) void this.#add(run, spec);
    });
    return Promise.all([closed, this.#opening]).then(() => undefined);
  }

  /** Opens one more run, which sets off at once when the others are running. */
  add(request: RunRequest): Promise<void> {
    const spec = this.#parse(request);
    return spec && this.#roomForOneMore(request.run) ? this.#add(request.run, spec) : this.#opening;
  }

  /** Opens a run that goes on from a kept checkpoint of another one, which is not touched. */
  fork({ run, spec: input, from, channels, taps }: ForkRequest): Promise<void> {
    const parent = this.#members.get(from.run);
    const spec = this.#parse({ run, spec: input });
    if (!spec || !this.#roomForOneMore(run)) return this.#opening;
    const checkpoint = parent?.run?.snapshotAt(from.step);
    if (!parent?.run || !checkpoint) {
      this.#listener.onProblem(`Step ${from.step} has no checkpoint to fork from. Choose a marked step.`, [], run);
      return this.#opening;
    }
    const problems = forkProblems(parent.run.spec, spec, from.step, SCHEMES);
    if (problems.length > 0) {
      this.#listener.onProblem(problems[0]?.message ?? '', problems, run);
      return this.#opening;
    }
    const scheme = otherScheme(parent.spec, spec);
    const sameKind = parent.spec.scheme.id === spec.scheme.id;
    const resume = { ...checkpoint, spec, scheme: sameKind ? checkpoint.scheme : undefined };
    const fork = { scheme, ...(channels ? { channels } : {}), ...(taps ? { taps } : {}) };
    const told = { log: [...parent.log], name: parent.spec.name };
    return this.#add(run, spec, { fork: { options: { resume, fork }, parent: told } });
  }

  /** Opens a run that goes on from where it was kept, its history told again; done for good when it had come to its end. */
  resume({ run, spec: input, load }: ResumeRequest): Promise<void> {
    const spec = this.#parse({ run, spec: input });
    return spec && this.#roomForOneMore(run) ? this.#add(run, spec, { load }) : this.#opening;
  }

  /** Closes a run; the others go on. */
  remove(number: number): Promise<void> {
    const member = this.#members.get(number);
    if (!member) return this.#opening;
    this.#members.delete(number);
    this.#listener.onClosed?.(number);
    const closing = this.#then(async () => member.run?.dispose());
    // It may stand in the way of nobody but itself while it is being opened, which ends.
    member.run?.pause();
    void member.opening?.dispose();
    this.#tellState();
    return closing.then(() => this.#tellMemory());
  }

  /** Changes the learning rate or weight decay of a run from its next update on. */
  change(number: number, setting: Setting): void {
    const member = this.#members.get(number);
    if (!member?.run) return;
    const parsed = parseSpec({ ...member.spec, train: { ...member.spec.train, ...setting } }, SCHEMES);
    if (parsed.ok) member.run.change(setting);
    else this.#listener.onProblem(parsed.problems[0]?.message ?? '', parsed.problems, number);
  }

  /**
   * Answers a question about a run once it is open. Rejects with a sentence when there is no such run, or it cannot be
   * answered.
   */
  async ask<Kind extends QuestionKind>(
    number: number,
    question: Question<Kind>,
    asking?: Asking,
  ): Promise<Answer<Kind>> {
    if (this.#members.get(number)?.state === 'loading') await this.#opening;
    const run = this.#members.get(number)?.run;
    if (!run) throw new Error('This run is not open. Start it again to ask about it.');
    return run.ask(question, asking);
  }

  /** What there is of an open run, to take away. Throws a sentence when there is no such run. */
  standing(number: number): Standing {
    const member = this.#members.get(number);
    if (!member?.run) throw new Error('This run is not open. Start it again to take it away.');
    const { spec, state, log, latest } = member;
    return { spec, state, log: [...log], latest };
  }

  run(): void {
    this.#advance('end');
  }

  /** All runs train on, then pause: after a step, an epoch's worth, or at the next decision of any of them. */
  advance(to: 'step' | 'epoch' | 'decision'): void {
    this.#advance(to);
  }

  pause(): void {
    this.#wanted = null;
    for (const { run } of this.#members.values()) run?.pause();
  }

  setPace(pace: Pace): void {
    this.#pace = pace;
    for (const { run } of this.#members.values()) run?.setPace(pace);
  }

  #advance(to: Advance): void {
    const all = [...this.#members.values()];
    if (to === 'end' || all.some(({ state }) => state === 'loading')) this.#wanted = to;
    if (all.some(({ state }) => state === 'loading') && to !== 'end') return;
    const runs = all.flatMap(({ run }) => (run ? [run] : []));
    if (to === 'decision') {
      const steps = runs.flatMap((run) => (run.phase === 'done' ? [] : (run.nextDecision ?? [])));
      const next = Math.min(...steps);
      for (const run of runs) void (Number.isFinite(next) ? run.advanceTo(next) : run.run());
      return;
    }
    for (const run of runs) void (to === 'end' ? run.run() : run.advance(to));
  }

  #parse({ run, spec }: RunRequest): Spec | null {
    const parsed = parseSpec(spec, SCHEMES);
    if (parsed.ok) return parsed.spec;
    this.#listener.onProblem(parsed.problems[0]?.message ?? 'The spec cannot be used.', parsed.problems, run);
    return null;
  }

  #roomForOneMore(run: number): boolean {
    if (this.#members.size < MOST_RUNS) return true;
    this.#listener.onProblem(`A race has at most ${MOST_RUNS} runs. Remove one first.`, [], run);
    return false;
  }

  #then(work: () => Promise<void>): Promise<void> {
    this.#opening = this.#opening.then(work);
    return this.#opening;
  }

  #add(number: number, spec: Spec, origin: Origin = {}): Promise<void> {
    const member: Member = { number, spec, log: [], run: null, opening: null, state: 'loading', latest: null, origin };
    this.#members.set(number, member);
    this.#listener.onRunState(number, 'loading');
    this.#tellState();
    return this.#then(() => this.#open(member));
  }

  async #open(member: Member): Promise<void> {
    const { number, origin } = member;
    const current = (): boolean => this.#members.get(number) === member;
    if (!current()) return;
    const tell = (event: RunEvent): void => {
      if (!current()) return;
      member.log.push(event);
      this.#listener.onEvent(number, event);
    };
    let run: Run | null = null;
    try {
      const kept = await origin.load?.();
      if (!current()) return;
      if (kept) {
        member.spec = kept.checkpoint.spec;
        kept.events.forEach(tell);
        member.latest = { checkpoint: kept.checkpoint, events: member.log.length };
      }
      const options = kept ? { resume: kept.checkpoint } : origin.fork?.options;
      let before = 0;
      run = new Run(member.spec, {
        onEvent: tell,
        onPhase: (phase) => current() && member.run && this.#setState(member, phase),
        onData: (loaded, total) => current() && this.#listener.onData(loaded, total),
        onMemory: () => current() && this.#tellMemory(),
        onSchemeProgress: (progress) => current() && this.#listener.onSchemeProgress(number, progress),
        onSnapshots: (steps) => current() && this.#listener.onSnapshots(number, steps),
        onCheckpoint: (checkpoint, events) => {
          // A fork is worth keeping once it has been trained.
          if (!current() || (origin.fork && checkpoint.trainer.step === options?.resume?.trainer.step)) return;
          member.latest = { checkpoint, events: before + events };
          this.#listener.onCheckpoint?.(number, checkpoint, before + events);
        },
      });
      member.opening = run;
      const [{ engine, reason }, cifar] = await Promise.all([this.#openEngine(), this.#openData()]);
      if (origin.fork) {
        const { parent } = origin.fork;
        for (const event of forkEvents(member.spec, run.plan, parent, options?.resume?.trainer.step ?? 0)) tell(event);
      }
      if (kept) {
        const note = adapterNote(kept.checkpoint, adapterOf(engine), run.plan.steps);
        if (note) tell(note);
      }
      before = member.log.length;
      await run.open(engine, cifar, {
        ...options,
        turns: this.#turns,
        pool: this.#pool,
        snapshots: true,
        reopen: (failed, why) => this.#reopenEngine(failed, why),
        ...(reason === undefined ? {} : { note: reason }),
      });
    } catch (error) {
      member.opening = null;
      await run?.dispose();
      if (!current()) return;
      this.#listener.onProblem(sentenceOf(error), undefined, number);
      this.#setState(member, 'error');
      return;
    }
    member.opening = null;
    if (!current()) return run.dispose();
    member.run = run;
    run.setPace(this.#pace);
    this.#setState(member, run.phase);
    this.#tellMemory();
    this.#setOff();
  }

  /** Does what was asked for while runs were being opened, once all are there; a race that is running is joined at once. */
  #setOff(): void {
    const wanted = this.#wanted;
    if (!wanted) return;
    if (wanted !== 'end' && [...this.#members.values()].some(({ state }) => state === 'loading')) return;
    if (wanted !== 'end') this.#wanted = null;
    this.#advance(wanted);
  }

  /**
   * An engine in place of one whose device was lost or is full. Of the same kind: to go on with a slower one, or other
   * bits, is for the user to choose. One that others use too is not emptied for a single run.
   */
  async #reopenEngine(failed: Engine, why: 'lost' | 'full'): Promise<Engine> {
    if (why === 'full' && this.#members.size > 1) {
      throw new Error(
        'The graphics adapter has no memory left for this run beside the others, which go on. Remove a run, or lower train.batchSize or model.width of this one.',
      );
    }
    if ((await this.#engine?.catch(() => null))?.engine === failed) this.#engine = null;
    failed.dispose();
    for (const wait of REOPEN_AFTER) {
      await new Promise((resolve) => setTimeout(resolve, wait));
      const opened = await this.#openEngine(failed.info.backend).catch((error: unknown) => {
        if (wait === REOPEN_AFTER.at(-1)) throw error;
        return null;
      });
      if (opened) return opened.engine;
    }
    throw new Error('No other device could be opened.');
  }

  /** The engine that is open, or a fresh one; a lost device makes the next run ask again. */
  #openEngine(backend?: Engine['info']['backend']): Promise<OpenedEngine> {
    if (this.#engine) return this.#engine;
    const opening = this.#services.openEngine(backend);
    this.#engine = opening;
    const forget = (): void => {
      if (this.#engine === opening) this.#engine = null;
    };
    opening.then((opened) => {
      this.#opened = opened.engine;
      this.#listener.onEngine(opened);
      void opened.engine.lost.then(() => {
        forget();
        opened.engine.dispose();
      });
    }, forget);
    return opening;
  }

  #openData(): Promise<Cifar10> {
    if (this.#data) return this.#data;
    const opening = this.#services.openData().then(rememberShards);
    this.#data = opening;
    opening.catch(() => (this.#data = null));
    return opening;
  }

  #setState(member: Member, state: SessionState): void {
    member.state = state;
    this.#listener.onRunState(member.number, state);
    this.#tellState();
  }

  #tellState(): void {
    const state = together([...this.#members.values()].map((member) => member.state));
    if (state === 'done' || state === 'error') this.#wanted = null;
    if (state === this.#state) return;
    this.#state = state;
    this.#listener.onState(state);
  }

  #tellMemory(): void {
    if (this.#opened) this.#listener.onMemory(this.#opened.bytes);
  }
}

/** That a run which goes on was trained on another adapter before. */
function adapterNote({ adapter, pending, trainer: { step } }: RunCheckpoint, now: AdapterRecord, steps: number) {
  if (sameAdapter(adapter, now) || (step >= steps && !pending)) return null;
  return { kind: 'note', step, message: otherAdapterMessage(adapter, now) } as const;
}

const sameAdapter = (a: AdapterRecord, b: AdapterRecord): boolean =>
  a.backend === b.backend &&
  a.vendor === b.vendor &&
  a.architecture === b.architecture &&
  a.description === b.description;
