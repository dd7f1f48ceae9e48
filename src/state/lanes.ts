import type { RunEvent } from '../core/events/events.ts';
import { Rewind } from '../core/events/rewind.ts';
import type { RunView } from '../core/events/view.ts';
import type { SchemeProgress } from '../core/scheme/scheme.ts';
import type { SpecProblem } from '../core/spec/parse.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { RunState } from '../worker/messages.ts';

/** What the page knows of one run, but for its history: replaced whole when something changes. */
export interface Lane {
  readonly run: number;
  /** Which of the six colours and dashes is its own, everywhere. */
  readonly colour: number;
  readonly spec: Spec;
  readonly state: RunState;
  /** How far its scheme is with what it computes between two steps; null when it computes nothing. */
  readonly schemeProgress: SchemeProgress | null;
  readonly hidden: boolean;
  /** Steps it can be forked from. */
  readonly snapshots: readonly number[];
  /** Why it was refused or failed before it had a history. */
  readonly problem: { readonly message: string; readonly problems: readonly SpecProblem[] } | null;
  /** The lane and step it was forked from. */
  readonly parent: { readonly run: number; readonly step: number } | null;
  /** The kept run that holds it, and the step of its last acknowledged checkpoint; null while nothing of it is kept. */
  readonly kept: { readonly id: string; readonly step: number } | null;
  /** Why it is not being kept at the moment, though it goes on. */
  readonly saveProblem: string | null;
  /** A recording: it is looked at, and never trains. */
  readonly recorded: boolean;
}

/** A lane whose run is still to be opened. */
export const newLane = (run: number, colour: number, spec: Spec): Lane => ({
  run,
  colour,
  spec,
  state: 'loading',
  schemeProgress: null,
  hidden: false,
  snapshots: [],
  problem: null,
  parent: null,
  kept: null,
  saveProblem: null,
  recorded: false,
});

/**
 * The histories of the page's runs. They are changed in place and never enter React state; a rewound view is kept until
 * its run or the cursor moves on.
 */
export class Histories {
  readonly #runs = new Map<
    number,
    { rewind: Rewind; events: RunEvent[]; seen: { key: string; view: RunView } | null }
  >();

  open(run: number): void {
    this.#runs.set(run, { rewind: new Rewind(), events: [], seen: null });
  }

  close(run: number): void {
    this.#runs.delete(run);
  }

  add(run: number, events: readonly RunEvent[]): void {
    const history = this.#runs.get(run);
    history?.events.push(...events);
    history?.rewind.add(events);
  }

  /** Everything a run told, also what it went back over. */
  eventsOf(run: number): readonly RunEvent[] {
    return this.#runs.get(run)?.events ?? [];
  }

  /** The run as it stands now, or as it stood at a step. */
  viewOf(run: number, step: number | null = null): RunView | null {
    const history = this.#runs.get(run);
    if (!history) return null;
    const { live } = history.rewind;
    if (step === null || step >= live.step) return live;
    const key = `${step} ${live.version}`;
    if (history.seen?.key !== key) history.seen = { key, view: history.rewind.viewAt(step) };
    return history.seen.view;
  }
}

/** A name that no lane has: with a number behind it where it is taken. */
export function unusedName(name: string, lanes: readonly Lane[]): string {
  const taken = new Set(lanes.map(({ spec }) => spec.name));
  for (let i = 2; ; i++) {
    if (!taken.has(name)) return name;
    const numbered = `${name.replace(/ \(\d+\)$/, '')} (${i})`;
    if (!taken.has(numbered)) return numbered;
  }
}
