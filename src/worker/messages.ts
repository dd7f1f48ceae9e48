import type { RunEvent } from '../core/events/events.ts';
import type { Structure } from '../core/network/index.ts';
import type { PageAnswer, PageQuestion } from '../core/questions/questions.ts';
import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { SpecProblem } from '../core/spec/parse.ts';
import type { StorageUse } from '../persist/storage.ts';
import type { RunList } from '../persist/store.ts';

/** A run to open: a number of the page's choosing that it has never used before, and unparsed JSON. */
export interface RunRequest {
  readonly run: number;
  readonly spec: unknown;
}

/** What the page asks of the worker. */
export type Command =
  /** Where the data set lies: the URL of its folder, with a slash at the end. Sent once by `connectLab`, first of all. */
  | { readonly type: 'connect'; readonly dataUrl: string }
  /** Prepares runs in place of all that are open; a spec that is refused leaves everything as it is. */
  | { readonly type: 'open'; readonly runs: readonly RunRequest[] }
  /** Prepares one run more. */
  | ({ readonly type: 'add' } & RunRequest)
  /** Closes a run. */
  | { readonly type: 'remove'; readonly run: number }
  /**
   * Opens a run that goes on from a kept checkpoint of another one; `channels` (by group) are switched there by hand, and
   * `taps` (by convolution) take the place of those it keeps.
   */
  | ({
      readonly type: 'fork';
      readonly from: { readonly run: number; readonly step: number };
      readonly channels?: Structure['channels'];
      readonly taps?: Structure['taps'];
    } & RunRequest)
  /** Changes a run's peak learning rate or weight decay from its next update on. */
  | { readonly type: 'change'; readonly run: number; readonly learningRate?: number; readonly weightDecay?: number }
  | { readonly type: 'run' }
  | { readonly type: 'pause' }
  /** All run on, then pause: after one step, after one epoch's worth, or at the next decision of any scheme. */
  | { readonly type: 'advance'; readonly to: 'step' | 'epoch' | 'decision' }
  /** Asks about a run (0 where none is meant); `ask` is a number of the page's choosing that it has never used before. */
  | { readonly type: 'ask'; readonly ask: number; readonly run: number; readonly question: PageQuestion }
  /** Takes a question back. */
  | { readonly type: 'leave'; readonly ask: number }
  /** Asks for the kept runs. */
  | { readonly type: 'list' }
  /** Opens a kept run, one more, where it was left; with the spec that it is kept with. */
  | ({ readonly type: 'resume'; readonly id: string } & RunRequest)
  /** Deletes kept runs. One that is open here is not kept any more. */
  | { readonly type: 'delete'; readonly ids: readonly string[] }
  /** Gives an open run another name, as far as it is kept. */
  | { readonly type: 'rename'; readonly run: number; readonly name: string }
  /** `hidden` pages need no smooth frames, so the engine may go at full speed. */
  | { readonly type: 'visibility'; readonly hidden: boolean };

export type RunState = 'idle' | 'loading' | 'running' | 'paused' | 'done' | 'error';

/** What the worker tells the page. */
export type Report =
  /** Of all runs together, or of one. */
  | { readonly type: 'state'; readonly state: RunState; readonly run?: number }
  | { readonly type: 'events'; readonly run: number; readonly events: readonly RunEvent[] }
  /** Steps of a run that it can be forked from. */
  | { readonly type: 'snapshots'; readonly run: number; readonly steps: readonly number[] }
  /** How far a run's scheme is with what it computes between two steps; null when it is through or was interrupted. */
  | { readonly type: 'schemeProgress'; readonly run: number; readonly progress: SchemeProgress | null }
  | { readonly type: 'data'; readonly loadedImages: number; readonly totalImages: number }
  | { readonly type: 'engine'; readonly backend: 'webgpu' | 'tfjs'; readonly adapter: string; readonly reason?: string }
  /** Bytes that the open runs hold on the engine: data set, parameters, activations. */
  | { readonly type: 'memory'; readonly bytes: number }
  /** The answer to a question, or a sentence why there is none; progress comes before it. */
  | { readonly type: 'answer'; readonly ask: number; readonly answer: PageAnswer }
  | { readonly type: 'noAnswer'; readonly ask: number; readonly message: string }
  | { readonly type: 'answering'; readonly ask: number; readonly done: number; readonly of: number }
  /**
   * The kept runs: at the start, when asked, and when they change. `problem`: a sentence when they cannot be read, or
   * what was asked for failed.
   */
  | { readonly type: 'kept'; readonly list: RunList; readonly use: StorageUse; readonly problem: string | null }
  /** A run's checkpoint was acknowledged: it is kept as `id`, also after a crash. `at`: milliseconds since 1970. */
  | { readonly type: 'saved'; readonly run: number; readonly id: string; readonly step: number; readonly at: number }
  /** Why a run is not being kept at the moment, though it goes on: a sentence; null when it is again. */
  | { readonly type: 'saveProblem'; readonly run: number; readonly message: string | null }
  /** A refusal or failure (of one run): one sentence that says what and what to do, and every problem of a spec. */
  | {
      readonly type: 'problem';
      readonly message: string;
      readonly problems?: readonly SpecProblem[];
      readonly run?: number;
    };
