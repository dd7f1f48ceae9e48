import { createStore } from 'zustand/vanilla';
import type { RunEvent } from '../core/events/events.ts';
import { type RunView, emptyView, fold } from '../core/events/view.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { decodeLink } from '../core/spec/link.ts';
import { type ParsedSpec, type SpecProblem, parseSpec } from '../core/spec/parse.ts';
import { PRESETS, type SpecInput } from '../core/spec/presets.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Command, Report, RunState } from '../worker/messages.ts';

/** What the page shows besides the run itself. */
export interface LabState {
  /** What the form holds: sparse, as a user would write it. */
  readonly draft: SpecInput;
  /** The draft with all defaults, or what is wrong with it. */
  readonly parsed: ParsedSpec;
  /** The spec of the run that is open. */
  readonly opened: Spec | null;
  readonly runState: RunState;
  readonly engine: Extract<Report, { type: 'engine' }> | null;
  /** Bytes that the open run holds on the engine; null before it is known. */
  readonly memory: number | null;
  readonly data: { readonly loadedImages: number; readonly totalImages: number } | null;
  /** A refusal or failure that is not about a field of the form. */
  readonly alert: { readonly message: string; readonly problems: readonly SpecProblem[] } | null;
  /** Version of the view as last published: a few times a second, for charts and numbers. */
  readonly published: number;
  /** Inputs of runs that were replaced, for undo. */
  readonly past: readonly SpecInput[];
}

/** Milliseconds between two publications of the view to React. */
const PUBLISH_EVERY = 250;
/** A change of the draft opens by itself this long after the last one, while nothing has been trained. */
const OPEN_AFTER = 350;

/**
 * The page's store: the draft spec, the worker's reports, and the view of the run. The view is folded in place and
 * never enters React state; canvases read it each frame, charts when `published` changes.
 */
export function createLab(
  schemes: readonly Scheme[],
  connect: (onReport: (report: Report) => void) => { send(command: Command): void },
) {
  const first = startOf(location.hash, schemes);
  const store = createStore<LabState>(() => ({
    draft: first.draft,
    parsed: parseSpec(first.draft, schemes),
    opened: null,
    runState: 'loading',
    engine: null,
    memory: null,
    data: null,
    alert: first.alert,
    published: 0,
    past: [],
  }));
  let view = emptyView();
  let events: RunEvent[] = [];
  let run = 0;
  let publishing: ReturnType<typeof setTimeout> | undefined;
  let opening: ReturnType<typeof setTimeout> | undefined;

  const publish = (): void => {
    publishing = undefined;
    store.setState({ published: store.getState().published + 1 });
  };
  const publishSoon = (): void => void (publishing ??= setTimeout(publish, PUBLISH_EVERY));
  const clearView = (): void => {
    view = emptyView();
    events = [];
    publish();
  };

  const lab = connect((report) => {
    switch (report.type) {
      case 'state':
        store.setState({ runState: report.state });
        publishSoon();
        return;
      case 'opened':
        run = report.run;
        clearView();
        return;
      case 'events': {
        if (report.run !== run) return;
        const firstEvents = events.length === 0;
        events.push(...report.events);
        fold(view, report.events);
        const start = report.events.find((event) => event.kind === 'start');
        if (start) store.setState({ opened: start.spec });
        if (firstEvents) publish();
        else publishSoon();
        return;
      }
      case 'data':
        store.setState({ data: report });
        return;
      case 'engine':
        store.setState({ engine: report });
        return;
      case 'memory':
        store.setState({ memory: report.bytes });
        return;
      case 'problem':
        store.setState({ alert: { message: report.message, problems: report.problems ?? [] } });
    }
  });

  /** Opens the draft as a run. A draft with problems stays in the form and changes nothing. */
  const open = (): void => {
    clearTimeout(opening);
    opening = undefined;
    const { parsed } = store.getState();
    if (!parsed.ok) return;
    lab.send({ type: 'open', spec: parsed.spec });
  };

  const setDraft = (draft: SpecInput): void => {
    store.setState({ draft, parsed: parseSpec(draft, schemes), alert: null });
    clearTimeout(opening);
    opening = untouched() ? setTimeout(open, OPEN_AFTER) : undefined;
  };
  /** Nothing is lost by opening another run. */
  const untouched = (): boolean => view.step === 0 && store.getState().runState !== 'running';

  const actions = {
    /** Sets one key of the draft; `undefined` gives it back its default. */
    edit(path: string, value: unknown): void {
      setDraft(withKey(store.getState().draft, path, value));
    },
    /** Takes another input as a whole: a preset, a link. */
    load(draft: SpecInput): void {
      setDraft(draft);
    },
    /** Replaces the open run by the draft. */
    apply(): void {
      const { opened, past } = store.getState();
      if (opened && view.step > 0) store.setState({ past: [...past, { ...opened }] });
      store.setState({ alert: null });
      open();
    },
    /** Gives the form back the open run's spec. */
    discard(): void {
      const { opened } = store.getState();
      if (opened) store.setState({ draft: { ...opened }, parsed: parseSpec(opened, schemes) });
    },
    /** Opens again what the last applied change replaced. */
    undo(): void {
      const { past } = store.getState();
      const last = past.at(-1);
      if (!last) return;
      store.setState({ past: past.slice(0, -1), draft: last, parsed: parseSpec(last, schemes) });
      open();
    },
    run(): void {
      if (opening !== undefined) open();
      lab.send({ type: 'run' });
    },
    pause: (): void => lab.send({ type: 'pause' }),
    advance(to: 'step' | 'epoch' | 'decision'): void {
      if (opening !== undefined) open();
      lab.send({ type: 'advance', to });
    },
    reset(): void {
      store.setState({ alert: null });
      lab.send({ type: 'reset' });
    },
    dismissAlert: (): void => store.setState({ alert: null }),
    /** Reads the address again, as after a link was pasted into it. */
    followLink(): void {
      const next = startOf(location.hash, schemes);
      if (next.alert) store.setState({ alert: next.alert });
      else if (next.linked) actions.load(next.draft);
    },
  };
  document.addEventListener('visibilitychange', () => lab.send({ type: 'visibility', hidden: document.hidden }));
  window.addEventListener('hashchange', () => actions.followLink());
  open();

  return { store, actions, schemes, view: (): RunView => view, events: (): readonly RunEvent[] => events };
}

export type Lab = ReturnType<typeof createLab>;

/** What to open on: the link's spec, or the first preset (also when the link is refused, which an alert then says). */
function startOf(
  hash: string,
  schemes: readonly Scheme[],
): { draft: SpecInput; alert: LabState['alert']; linked: boolean } {
  const preset = PRESETS[0]?.spec ?? {};
  const link = decodeLink(hash);
  if (!link) return { draft: preset, alert: null, linked: false };
  const refused = (message: string, problems: readonly SpecProblem[] = []) => ({
    draft: preset,
    alert: { message, problems },
    linked: false,
  });
  if (!link.ok) return refused(link.message);
  if (Array.isArray(link.value))
    return refused(
      'spec: the link holds several runs; this version opens one run at a time. Use a link to a single spec.',
    );
  const parsed = parseSpec(link.value, schemes);
  if (parsed.ok) return { draft: link.value as SpecInput, alert: null, linked: true };
  return refused('The link’s spec was refused, so the first preset is open instead.', parsed.problems);
}

/** A copy of `input` with one key (dotted path) set, or left out when the value is undefined. */
export function withKey(input: SpecInput, path: string, value: unknown): SpecInput {
  const [key = '', ...rest] = path.split('.');
  const { [key]: before, ...others } = input;
  if (rest.length === 0) return value === undefined ? others : { ...others, [key]: value };
  const inner = typeof before === 'object' && before !== null ? (before as SpecInput) : {};
  return { ...others, [key]: withKey(inner, rest.join('.'), value) };
}
