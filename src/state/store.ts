import { createStore } from 'zustand/vanilla';
import type { RunEvent } from '../core/events/events.ts';
import { type RunView, emptyView } from '../core/events/view.ts';
import type { TapPattern } from '../core/network/taps.ts';
import type { Scheme } from '../core/scheme/scheme.ts';
import { parseSpec } from '../core/spec/parse.ts';
import type { SpecInput } from '../core/spec/presets.ts';
import { MOST_RUNS, parseRace } from '../core/spec/race.ts';
import { LONGEST_NAME } from '../core/spec/schema.ts';
import type { Spec } from '../core/spec/spec.ts';
import type { Command, Report } from '../worker/messages.ts';
import { Questions } from './asking.ts';
import { withKey } from './draft.ts';
import { type KeptActions, keptActions } from './kept.ts';
import { Histories, type Lane, newLane, unusedName } from './lanes.ts';
import { createPlayback } from './playback.ts';
import type { RecordingFile } from './recordings.ts';
import { startOf } from './start.ts';
import { type Dialog, type LabState, initialState } from './state.ts';

/** Milliseconds between two publications of the histories to React. */
const PUBLISH_EVERY = 250;
/** A change of the draft opens by itself this long after the last one, while nothing has been trained. */
const OPEN_AFTER = 350;
/** Milliseconds for which the page says that a link was copied. */
const LINK_TOLD_FOR = 1_500;
/** Steps a second at which a recording begins to play. */
const RECORDING_SPEED = 20;

/**
 * The page's store: runs, the draft spec of the selected one, the cursor, and the worker's reports. Histories are changed
 * in place and never enter React state; canvases read them each frame, charts when `published` changes.
 */
export function createLab(
  schemes: readonly Scheme[],
  connect: (onReport: (report: Report) => void) => { send(command: Command): void },
) {
  const histories = new Histories();
  const drafts = new Map<number, SpecInput>();
  const store = createStore<LabState>(() => initialState(schemes));
  let lastRun = 0;
  let publishing: ReturnType<typeof setTimeout> | undefined;
  let opening: ReturnType<typeof setTimeout> | undefined;

  const get = store.getState;
  const publish = (): void => {
    clearTimeout(publishing);
    publishing = undefined;
    store.setState({ published: get().published + 1 });
  };
  const publishSoon = (): void => void (publishing ??= setTimeout(publish, PUBLISH_EVERY));
  const laneOf = (run: number): Lane | undefined => get().lanes.find((lane) => lane.run === run);
  const setLanes = (lanes: readonly Lane[]): void => {
    const { selected } = get();
    const lane = lanes.find(({ run }) => run === selected);
    store.setState({ lanes, opened: lane?.spec ?? null });
  };
  const amend = (run: number, change: Partial<Lane>): void =>
    setLanes(get().lanes.map((lane) => (lane.run === run ? { ...lane, ...change } : lane)));
  const liveOf = (run: number): RunView => histories.viewOf(run) ?? emptyView();
  const trained = (run: number): boolean => liveOf(run).step > 0 || laneOf(run)?.state === 'running';

  const lab = connect((report) => {
    switch (report.type) {
      case 'state':
        if (report.run === undefined) store.setState({ runState: report.state });
        else if (laneOf(report.run)) amend(report.run, { state: report.state });
        publishSoon();
        return;
      case 'events': {
        const { run, events } = report;
        if (!laneOf(run)) return;
        const first = histories.eventsOf(run).length === 0;
        histories.add(run, events);
        if (first) publish();
        else publishSoon();
        return;
      }
      case 'snapshots':
        if (laneOf(report.run)) amend(report.run, { snapshots: report.steps });
        return;
      case 'schemeProgress':
        if (laneOf(report.run)) amend(report.run, { schemeProgress: report.progress });
        return;
      case 'data':
        store.setState({ data: report });
        return;
      case 'engine':
        store.setState({ engine: report });
        return;
      case 'kept':
        return keeping.hear(report);
      case 'saved':
        if (laneOf(report.run)) amend(report.run, { kept: { id: report.id, step: report.step } });
        return;
      case 'saveProblem':
        if (laneOf(report.run)) amend(report.run, { saveProblem: report.message });
        return;
      case 'memory':
        store.setState({ memory: report.bytes });
        return;
      case 'problem':
        return onProblem(report);
      case 'answer':
      case 'noAnswer':
      case 'answering':
        return questions.hear(report);
    }
  });
  const questions = new Questions((command) => lab.send(command));

  const onProblem = ({ message, problems = [], run }: Extract<Report, { type: 'problem' }>): void => {
    const { lanes } = get();
    const lane = lanes.find((candidate) => candidate.run === run);
    // In a race a run fails in its own lane; alone, the page says so.
    if (lane && lanes.length > 1) amend(lane.run, { problem: { message, problems }, state: 'error' });
    else store.setState({ alert: { message, problems } });
  };

  /** The lowest colour that no lane has. */
  const freeColour = (lanes: readonly Lane[]): number =>
    Array.from({ length: MOST_RUNS }, (_, colour) => colour).find(
      (colour) => !lanes.some((lane) => lane.colour === colour),
    ) ?? 0;
  const openLane = (spec: Spec, colour: number, more: Partial<Lane> = {}): Lane => {
    const run = ++lastRun;
    histories.open(run);
    return { ...newLane(run, colour, spec), ...more };
  };
  const drop = (run: number): void => {
    histories.close(run);
    drafts.delete(run);
  };

  /** Makes a run the one that everything is about; its unfinished draft comes back. */
  const show = (run: number): void => {
    const before = get();
    if (before.selected !== run && laneOf(before.selected)) drafts.set(before.selected, before.draft);
    const lane = laneOf(run);
    if (!lane) return;
    const draft = drafts.get(run) ?? { ...lane.spec };
    store.setState({
      selected: run,
      draft,
      parsed: parseSpec(draft, schemes),
      opened: lane.spec,
      edits: {},
      tapEdits: {},
    });
    publish();
  };

  /** Opens specs in place of everything; `hidden`: places of those not shown at first. */
  const openAll = (specs: readonly Spec[], draft?: SpecInput, hidden: readonly number[] = []): void => {
    clearTimeout(opening);
    opening = undefined;
    for (const { run } of get().lanes) drop(run);
    const lanes = specs.map((spec, i) => openLane(spec, i, { hidden: hidden.includes(i) }));
    const [first] = lanes;
    if (!first) return;
    if (draft) drafts.set(first.run, draft);
    store.setState({ lanes, selected: first.run, runState: 'loading', cursor: null, alert: null });
    playback.stop();
    show(first.run);
    lab.send({ type: 'open', runs: lanes.map(({ run, spec }) => ({ run, spec })) });
  };

  /** Opens another spec in the lane of a run. */
  const replace = (old: number, spec: Spec, draft?: SpecInput): void => {
    const { lanes } = get();
    const before = laneOf(old);
    if (!before || lanes.length === 1) return openAll([spec], draft);
    const lane = openLane(spec, before.colour, { hidden: before.hidden });
    drop(old);
    if (draft) drafts.set(lane.run, draft);
    setLanes(lanes.map((other) => (other.run === old ? lane : other)));
    if (get().selected === old) show(lane.run);
    lab.send({ type: 'remove', run: old });
    lab.send({ type: 'add', run: lane.run, spec });
  };

  /** Opens the draft in place of the selected run. A draft with problems stays in the form and changes nothing. */
  const openDraft = (): void => {
    clearTimeout(opening);
    opening = undefined;
    const { parsed, selected, draft } = get();
    if (parsed.ok) replace(selected, parsed.spec, draft);
  };

  const setDraft = (draft: SpecInput): void => {
    store.setState({ draft, parsed: parseSpec(draft, schemes), alert: null });
    clearTimeout(opening);
    const { selected } = get();
    opening = trained(selected) || laneOf(selected)?.recorded ? undefined : setTimeout(openDraft, OPEN_AFTER);
  };

  const addLane = (spec: Spec, more: Partial<Lane> = {}): Lane | null => {
    const { lanes } = get();
    if (lanes.length >= MOST_RUNS) {
      const message = `A race has at most ${MOST_RUNS} runs. Remove one first.`;
      store.setState({ alert: { message, problems: [] } });
      return null;
    }
    const lane = openLane(spec, freeColour(lanes), more);
    setLanes([...lanes, lane]);
    return lane;
  };
  const remember = (label: string, undo: () => void): void =>
    store.setState({ past: [...get().past, { label, undo }] });
  const removeLane = (run: number): void => {
    const { lanes, selected } = get();
    const at = lanes.findIndex((lane) => lane.run === run);
    const rest = lanes.filter((lane) => lane.run !== run);
    const next = rest[Math.min(at, rest.length - 1)];
    if (at < 0 || !next) return;
    setLanes(rest);
    if (selected === run) show(next.run);
    drop(run);
    lab.send({ type: 'remove', run });
    publish();
  };

  /** Adds a run under a name of its own, without selecting it. */
  const addBeside = (wanted: string, input: SpecInput): void => {
    const name = unusedName(wanted.slice(0, LONGEST_NAME), get().lanes);
    const parsed = parseSpec({ ...input, name }, schemes);
    if (!parsed.ok) {
      store.setState({ alert: { message: parsed.problems[0]?.message ?? '', problems: parsed.problems } });
      return;
    }
    const lane = addLane(parsed.spec);
    if (!lane) return;
    lab.send({ type: 'add', run: lane.run, spec: parsed.spec });
    remember('the added run', () => removeLane(lane.run));
  };

  const refuse = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    store.setState({ alert: { message, problems: [] } });
  };
  /** Shows a run of which nothing is computed, and plays it from its beginning. */
  const addRecorded = (spec: Spec, events: readonly RunEvent[]): void => {
    const lane = addLane(spec, { state: 'done', recorded: true });
    if (!lane) return;
    histories.add(lane.run, events);
    show(lane.run);
    playback.play(RECORDING_SPEED);
  };

  const keeping = keptActions(store, {
    send: (command) => lab.send(command),
    open(spec) {
      const { lanes } = get();
      const [only] = lanes;
      if (only && lanes.length === 1 && !trained(only.run) && !only.recorded) {
        clearTimeout(opening);
        opening = undefined;
        drop(only.run);
        const lane = openLane(spec, 0);
        store.setState({ lanes: [lane], selected: lane.run, runState: 'loading', cursor: null, alert: null });
        lab.send({ type: 'open', runs: [] });
        playback.stop();
        show(lane.run);
        return { run: lane.run, alone: true };
      }
      const lane = addLane({ ...spec, name: unusedName(spec.name, lanes) });
      if (!lane) return null;
      remember('the resumed run', () => removeLane(lane.run));
      playback.seek(null);
      show(lane.run);
      return { run: lane.run, alone: false };
    },
  });

  const playback = createPlayback(store, {
    lastStep: () => Math.max(0, ...get().lanes.map(({ run }) => liveOf(run).step)),
    onMove: publish,
  });

  const actions = {
    ...(keeping.actions satisfies KeptActions),
    /** Sets one key of the draft; `undefined` gives it back its default. */
    edit(path: string, value: unknown): void {
      setDraft(withKey(get().draft, path, value));
    },
    /** Takes another input as a whole for the selected run: a preset. */
    load(draft: SpecInput): void {
      setDraft(draft);
    },
    /** Opens several specs in place of everything: a race. Undo brings the runs' set-ups back. */
    race(inputs: readonly SpecInput[]): void {
      const race = parseRace(inputs, schemes);
      if (!race.ok) {
        store.setState({ alert: { message: race.problems[0]?.message ?? '', problems: race.problems } });
        return;
      }
      const before = get().lanes.map(({ spec }) => spec);
      if (get().lanes.some(({ run }) => trained(run))) remember('the new race', () => openAll(before));
      openAll(race.specs);
    },
    /** Replaces the selected run by the draft. */
    apply(): void {
      const { selected, opened } = get();
      if (opened && trained(selected)) {
        const position = get().lanes.findIndex(({ run }) => run === selected);
        remember('the applied change', () => {
          const lane = get().lanes[position];
          if (lane) replace(lane.run, opened);
        });
      }
      store.setState({ alert: null });
      openDraft();
    },
    /** Gives the form back the selected run's spec, the map its channels and the kernels their taps. */
    discard(): void {
      const { opened } = get();
      if (!opened) return;
      store.setState({ draft: { ...opened }, parsed: parseSpec(opened, schemes), edits: {}, tapEdits: {} });
    },
    undo(): void {
      const { past } = get();
      const last = past.at(-1);
      if (!last) return;
      store.setState({ past: past.slice(0, -1), alert: null });
      last.undo();
    },

    select: show,
    /** Adds a run with the spec in the form, under a name of its own, and selects it. */
    addRun(): void {
      const { parsed, lanes } = get();
      if (!parsed.ok) return;
      const spec = { ...parsed.spec, name: unusedName(parsed.spec.name, lanes) };
      const lane = addLane(spec);
      if (!lane) return;
      lab.send({ type: 'add', run: lane.run, spec });
      remember('the added run', () => removeLane(lane.run));
      show(lane.run);
    },
    /** Adds what an algorithm makes of the selected run's spec with as many MACs as that run has now. */
    addRival(scheme: string): void {
      const { opened, selected } = get();
      const { macs, start } = liveOf(selected);
      if (!opened || !start) return;
      const title = schemes.find(({ id }) => id === scheme)?.title ?? scheme;
      addBeside(`${title} at the MACs of ${opened.name}`, {
        ...opened,
        scheme: { id: scheme, budget: { kind: 'macs', keep: macs / start.dense.macs } },
      });
    },
    /** Adds the selected run once more with some of its scheme's options changed; `what` tells which. */
    addVariant(what: string, options: SpecInput): void {
      const { opened } = get();
      if (opened) addBeside(`${opened.name}, ${what}`, { ...opened, scheme: { ...opened.scheme, ...options } });
    },
    removeRun(run: number): void {
      const lane = laneOf(run);
      if (!lane || get().lanes.length === 1) return;
      removeLane(run);
      if (lane.recorded) return;
      remember('the removed run', () => {
        const again = addLane(lane.spec, { hidden: lane.hidden });
        if (again) lab.send({ type: 'add', run: again.run, spec: lane.spec });
      });
    },
    rename(run: number, name: string): void {
      const lane = laneOf(run);
      if (!lane || name.trim() === '' || name === lane.spec.name) return;
      amend(run, { spec: { ...lane.spec, name } });
      if (!lane.recorded) lab.send({ type: 'rename', run, name });
      const draft = { ...(get().selected === run ? get().draft : (drafts.get(run) ?? lane.spec)), name };
      drafts.set(run, draft);
      if (get().selected === run) store.setState({ draft, parsed: parseSpec(draft, schemes) });
      publish();
    },
    toggleHidden(run: number): void {
      const lane = laneOf(run);
      if (lane) amend(run, { hidden: !lane.hidden });
      publish();
    },
    /** Changes a setting of a running run from its next update on; its log tells it. */
    change(run: number, setting: { readonly learningRate?: number; readonly weightDecay?: number }): void {
      lab.send({ type: 'change', run, ...setting });
    },

    seek: playback.seek,
    play: playback.play,
    setSpeed: playback.setSpeed,
    /** Switches channels of a group on the map; they wait there for Fork (or Discard). Null: as the run has them. */
    switchChannels(group: string, kept: readonly number[] | null): void {
      const { [group]: _, ...others } = get().edits;
      store.setState({ edits: kept ? { ...others, [group]: kept } : others });
    },
    /** Chooses the kept taps of a convolution; they wait for Fork (or Discard). Null: as the run has them. */
    chooseTaps(layer: string, pattern: TapPattern | null): void {
      const { [layer]: _, ...others } = get().tapEdits;
      store.setState({ tapEdits: pattern ? { ...others, [layer]: pattern } : others });
    },
    /**
     * Opens a run that goes on from the selected one's checkpoint of a step with what the form and the map say. The
     * parent is untouched; its form goes back to its own spec.
     */
    fork(step: number): void {
      const { parsed, selected, edits, tapEdits, opened, lanes } = get();
      const parent = laneOf(selected);
      if (!parsed.ok || !parent || !opened) return;
      const name = parsed.spec.name === opened.name ? unusedName(`${opened.name}, fork`, lanes) : parsed.spec.name;
      const spec = { ...parsed.spec, name };
      const lane = addLane(spec, { parent: { run: selected, step } });
      if (!lane) return;
      const byHand = {
        ...(Object.keys(edits).length > 0 ? { channels: edits } : {}),
        ...(Object.keys(tapEdits).length > 0 ? { taps: tapEdits } : {}),
      };
      lab.send({ type: 'fork', run: lane.run, spec, from: { run: selected, step }, ...byHand });
      remember('the fork', () => removeLane(lane.run));
      store.setState({ draft: { ...opened }, parsed: parseSpec(opened, schemes) });
      drafts.delete(selected);
      playback.seek(null);
      show(lane.run);
    },

    run(): void {
      if (opening !== undefined) openDraft();
      playback.seek(null);
      lab.send({ type: 'run' });
    },
    pause: (): void => lab.send({ type: 'pause' }),
    advance(to: 'step' | 'epoch' | 'decision'): void {
      if (opening !== undefined) openDraft();
      playback.seek(null);
      lab.send({ type: 'advance', to });
    },
    /** Starts all runs again from their beginning. */
    reset(): void {
      openAll(
        get()
          .lanes.filter(({ recorded }) => !recorded)
          .map(({ spec }) => spec),
      );
    },
    /** Puts a link to the page, with this fragment, into the address and the clipboard. */
    async copyLink(fragment: string): Promise<void> {
      history.replaceState(null, '', fragment);
      const copied = await navigator.clipboard.writeText(location.href).then(
        () => true,
        () => false,
      );
      store.setState({ link: copied ? 'copied' : 'address' });
      setTimeout(() => store.setState({ link: null }), LINK_TOLD_FOR);
    },
    /** Opens a dialog over the page; null closes it. */
    openDialog: (dialog: Dialog | null): void => store.setState({ dialog }),
    dismissAlert: (): void => store.setState({ alert: null }),
    /** Shows a recorded run beside the others and plays it from its beginning: nothing of it is computed. */
    async openRecording({ file }: RecordingFile): Promise<void> {
      try {
        const response = await fetch(new URL(file, document.baseURI));
        if (!response.ok) throw new Error(`The recorded run ${file} could not be loaded (${response.status}).`);
        const { decodeRecording } = await import('../core/events/recording.ts');
        const { spec, events } = decodeRecording(await response.text(), schemes);
        addRecorded(spec, events);
      } catch (error) {
        refuse(error);
      }
    },
    /**
     * Opens a run file: its run is kept in this browser, and opened where it stands. What cannot be used is refused with
     * a sentence, and changes nothing.
     */
    async openRunFile(file: File): Promise<void> {
      store.setState({ alert: null, reading: file.name });
      try {
        const { readRunFile } = await import('./run-files.ts');
        const opened = await readRunFile(questions, file);
        if (opened.kept) keeping.actions.resume(opened.kept, false);
        else addRecorded(opened.spec, opened.events);
        store.setState({ dialog: null });
      } catch (error) {
        refuse(error);
      } finally {
        store.setState({ reading: null });
      }
    },
    /** Says in a sentence why something that was asked for did not happen. */
    refuse: (error: unknown): void => refuse(error),
    /** Reads the address again, as after a link was pasted into it. */
    followLink(): void {
      const next = startOf(location.hash, schemes);
      if (next.linked) openAll(next.specs, next.draft, next.hidden);
      if (next.alert) store.setState({ alert: next.alert });
    },
  };

  const first = startOf(location.hash, schemes);
  openAll(first.specs, first.draft, first.hidden);
  store.setState({ alert: first.alert });
  document.addEventListener('visibilitychange', () => lab.send({ type: 'visibility', hidden: document.hidden }));
  window.addEventListener('hashchange', () => actions.followLink());

  return {
    store,
    actions,
    schemes,
    /** A run (default the selected one) at the cursor. */
    view: (run = get().selected): RunView => histories.viewOf(run, get().cursor) ?? emptyView(),
    /** The same as it stands now. */
    live: (run = get().selected): RunView => liveOf(run),
    /** Everything a run told. */
    events: (run = get().selected): readonly RunEvent[] => histories.eventsOf(run),
    /** Asks about a run as it stands now, or at a kept checkpoint (see core/questions). */
    ask: questions.ask.bind(questions) as Questions['ask'],
    lastStep: playback.lastStep,
  };
}

export type Lab = ReturnType<typeof createLab>;
