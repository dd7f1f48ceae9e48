import type { RunEvent } from '../core/events/events.ts';
import type { SpecProblem } from '../core/spec/parse.ts';

/** What the page asks of the worker. */
export type Command =
  /** Where the data set lies: the URL of its folder, with a slash at the end. Sent once by `connectLab`, first of all. */
  | { readonly type: 'connect'; readonly dataUrl: string }
  /** Prepares a run: engine, plan, first data. Replaces the run that was open; `spec` is unparsed JSON. */
  | { readonly type: 'open'; readonly spec: unknown }
  | { readonly type: 'run' }
  | { readonly type: 'pause' }
  /** Runs on, then pauses: after one step, after one epoch's worth, or after the next decision of the scheme. */
  | { readonly type: 'advance'; readonly to: 'step' | 'epoch' | 'decision' }
  /** Starts the open run again from its beginning. */
  | { readonly type: 'reset' }
  /** `hidden` pages need no smooth frames, so the engine may go at full speed. */
  | { readonly type: 'visibility'; readonly hidden: boolean };

export type RunState = 'idle' | 'loading' | 'running' | 'paused' | 'done' | 'error';

/** What the worker tells the page. */
export type Report =
  | { readonly type: 'state'; readonly state: RunState }
  /** Once for each `open` or `reset`: events of earlier runs no longer count. */
  | { readonly type: 'opened'; readonly run: number }
  | { readonly type: 'events'; readonly run: number; readonly events: readonly RunEvent[] }
  | { readonly type: 'data'; readonly loadedImages: number; readonly totalImages: number }
  | { readonly type: 'engine'; readonly backend: 'webgpu' | 'tfjs'; readonly adapter: string; readonly reason?: string }
  /** Bytes that the open run holds on the engine: data set, parameters, activations. */
  | { readonly type: 'memory'; readonly bytes: number }
  /** A refusal or failure: one sentence that says what and what to do; `key` is the spec key it is about. */
  | { readonly type: 'problem'; readonly message: string; readonly problems?: readonly SpecProblem[] };
