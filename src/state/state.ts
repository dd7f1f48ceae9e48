import type { Structure } from '../core/network/index.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { type ParsedSpec, type SpecProblem, parseSpec } from '../core/spec/parse.ts';
import type { SpecInput } from '../core/spec/presets.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Report, RunState } from '../worker/messages.ts';
import type { KeptRuns } from './kept.ts';
import type { Lane } from './lanes.ts';

/** What the page shows besides the histories of its runs. */
export interface LabState {
  /** The runs, in the order of their lanes. There is always one. */
  readonly lanes: readonly Lane[];
  /** The run that the form, the map and the figures are about. */
  readonly selected: number;
  /** What the form holds: sparse, as a user would write it. */
  readonly draft: SpecInput;
  /** The draft with all defaults, or what is wrong with it. */
  readonly parsed: ParsedSpec;
  /** The spec of the selected run; null before it is open. */
  readonly opened: Spec | null;
  /** Of all runs together. */
  readonly runState: RunState;
  readonly engine: Extract<Report, { type: 'engine' }> | null;
  /** Bytes that the open runs hold on the engine; null before it is known. */
  readonly memory: number | null;
  readonly data: { readonly loadedImages: number; readonly totalImages: number } | null;
  /** A refusal or failure that is not about a field of the form. */
  readonly alert: { readonly message: string; readonly problems: readonly SpecProblem[] } | null;
  /** The step that everything shows; null while live. */
  readonly cursor: number | null;
  /** Steps a second at which the cursor moves by itself; 0 while it stands. */
  readonly playing: number;
  /** Steps a second at which Play moves it. */
  readonly speed: number;
  /** Kept channels by group, switched by hand on the map and not yet forked or run. */
  readonly edits: Readonly<Record<string, readonly number[]>>;
  /** Kept taps by convolution, chosen by hand and not yet forked. */
  readonly tapEdits: NonNullable<Structure['taps']>;
  /** Version of the histories as last published: a few times a second, for charts and numbers. */
  readonly published: number;
  /** The runs kept in this browser; null before they are known. */
  readonly kept: KeptRuns | null;
  /** Ids of the runs that were found interrupted when the page opened, until this is dismissed. */
  readonly interrupted: readonly string[];
  /** What became of the link asked for a moment ago: it is in the clipboard, or (where that is denied) in the address only. */
  readonly link: 'copied' | 'address' | null;
  /** Name of the run file that is being read. */
  readonly reading: string | null;
  /** What lies open over the page. */
  readonly dialog: Dialog | null;
  /** What can be undone, the newest last. */
  readonly past: readonly Undoable[];
}

export type Dialog = 'keyboard' | 'inspect' | 'kept' | 'export';

export interface Undoable {
  /** What was done, as in "Undo: fork". */
  readonly label: string;
  undo(): void;
}

/** Before any run is open. */
export function initialState(schemes: readonly Scheme[]): LabState {
  return {
    lanes: [],
    selected: 0,
    draft: {},
    parsed: parseSpec({}, schemes),
    opened: null,
    runState: 'loading',
    engine: null,
    memory: null,
    data: null,
    alert: null,
    cursor: null,
    playing: 0,
    speed: 10,
    edits: {},
    tapEdits: {},
    published: 0,
    kept: null,
    interrupted: [],
    link: null,
    reading: null,
    dialog: null,
    past: [],
  };
}
