import type { FileQuestions, RawBytes } from '../core/questions/questions.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../lab/checkpoint.ts';
import type { SessionState, Standing } from '../lab/session.ts';
import type { RunContents, RunStore } from '../persist/store.ts';

type Written = FileQuestions['writeRunFile']['answer'];

/** Runs as files: of open and of kept runs out, and in to be kept. All reject with a sentence. */
export class RunFiles {
  constructor(
    readonly session: { standing(run: number): Standing },
    readonly store: Pick<RunStore, 'read' | 'add'>,
    readonly schemes: readonly Scheme[],
    /** Told when another run is kept. */
    readonly onKept: () => void,
  ) {}

  /** An open run as of its latest checkpoint in memory. */
  async write(run: number, name: string): Promise<Written> {
    const { spec, state, log, latest } = this.session.standing(run);
    if (!latest) throw new Error('This run has not been trained yet: its link says all there is.');
    const { checkpoint, events } = latest;
    const { step } = checkpoint.trainer;
    const { writeRunFile } = await runFile();
    const bytes = await writeRunFile({
      spec: { ...spec, name },
      state: stateOf(state),
      events: log,
      checkpoint: { bytes: await encodeCheckpoint(checkpoint), step, events },
    });
    return { bytes, step };
  }

  async writeKept(id: string): Promise<Written> {
    const { run, checkpoint, events, problem } = await this.store.read(id);
    if (problem !== null) throw new Error(problem);
    const { writeRunFile } = await runFile();
    const bytes = await writeRunFile({
      spec: { ...run.spec, name: run.name },
      state: stateOf(run.state),
      events,
      checkpoint: placeOf(run.checkpoint, checkpoint),
    });
    return { bytes, step: run.checkpoint?.step ?? run.step };
  }

  /** Checks a run file to the last field, and keeps its run. */
  async read(bytes: RawBytes): Promise<FileQuestions['readRunFile']['answer']> {
    const { readRunFile } = await runFile();
    const { spec, state, events, checkpoint } = await readRunFile(bytes, this.schemes);
    if (!checkpoint) return { id: null, spec, state, events };
    const decoded = await decodeCheckpoint(checkpoint.bytes);
    const { step } = decoded.trainer;
    if (step !== checkpoint.step || !sameRun(decoded.spec, spec)) {
      throw new Error('This run file cannot be opened: its checkpoint is of another run. Ask for the file again.');
    }
    const long = events.findLast((event) => event.kind === 'start' || event.kind === 'batchHalved');
    const id = await this.store.add({ spec, steps: long?.steps ?? step, state, checkpoint, events });
    this.onKept();
    return { id, spec, state, events };
  }
}

/** A script of its own: few visits open or write one. */
const runFile = () => import('../persist/run-file.ts');

/** In a file a run stands still, or has ended. */
const stateOf = (state: SessionState | RunContents['run']['state']): 'paused' | 'done' | 'error' =>
  state === 'done' || state === 'error' ? state : 'paused';

/** A kept checkpoint's bytes and its place in the log. */
const placeOf = (place: RunContents['run']['checkpoint'], bytes: RunContents['checkpoint']) =>
  place && bytes ? { bytes, step: place.step, events: place.events } : null;

/** A run can have been renamed since its checkpoint, and its settings changed. */
const sameRun = (a: Standing['spec'], b: Standing['spec']): boolean =>
  JSON.stringify([a.model, a.seed, a.data, a.scheme]) === JSON.stringify([b.model, b.seed, b.data, b.scheme]);
