import { encodeLink } from '../../core/spec/link.ts';
import { MOST_RUNS } from '../../core/spec/race.ts';
import type { LabState } from '../../state/state.ts';
import type { Lab } from '../../state/store.ts';
import { neighbouringEvent } from '../canvas/tick-book.ts';
import { sharedSpecs } from '../widgets/shared-specs.ts';

/** One command: the same entry drives its button, its key and its line on the keyboard sheet. */
export interface PageCommand {
  readonly id: string;
  readonly label: string;
  /** As in KeyboardEvent.key, lower case; with `mod` Ctrl or Cmd must be held. */
  readonly key: string;
  readonly mod?: boolean;
  /** How the key is written on the sheet. */
  readonly shown: string;
  readonly help: string;
  enabled(state: LabState): boolean;
  perform(lab: Lab): void;
}

const ready = ({ runState }: LabState): boolean => runState === 'idle' || runState === 'paused';
const moving = ({ runState }: LabState): boolean => runState === 'running';

export const RUN: PageCommand = {
  id: 'run',
  label: 'Run',
  key: ' ',
  shown: 'Space',
  help: 'Run, or pause',
  enabled: (state) => ready(state) || moving(state) || state.runState === 'loading',
  perform: (lab) => (moving(lab.store.getState()) ? lab.actions.pause() : lab.actions.run()),
};

export const PREVIOUS_EVENT: PageCommand = {
  id: 'previous-event',
  label: 'Previous event',
  key: '[',
  shown: '[',
  help: 'Rewind to what happened before: a prune, a regrow, a fork ...',
  enabled: () => true,
  perform: (lab) => lab.actions.seek(neighbouringEvent(lab, -1) ?? 0),
};

export const NEXT_EVENT: PageCommand = {
  id: 'next-event',
  label: 'Next event',
  key: ']',
  shown: ']',
  help: 'Go to what happened next',
  enabled: ({ cursor }) => cursor !== null,
  perform: (lab) => lab.actions.seek(neighbouringEvent(lab, 1)),
};

export const PLAY: PageCommand = {
  id: 'play',
  label: 'Play',
  key: 'p',
  shown: 'P',
  help: 'Play what happened from the step shown (while live, from the beginning), or stop',
  enabled: () => true,
  perform: ({ store, actions }) => {
    const { playing, speed } = store.getState();
    actions.play(playing > 0 ? 0 : speed);
  },
};

export const LIVE: PageCommand = {
  id: 'live',
  label: 'Live',
  key: 'escape',
  shown: 'Esc',
  help: 'Return to the latest step',
  enabled: ({ cursor }) => cursor !== null,
  perform: (lab) => lab.actions.seek(null),
};

export const ADD_RUN: PageCommand = {
  id: 'add-run',
  label: 'Add run',
  key: 'a',
  shown: 'A',
  help: 'Add a run with the set-up as it is; all runs see the same batches',
  enabled: ({ lanes, parsed }) => parsed.ok && lanes.length < MOST_RUNS,
  perform: ({ actions }) => actions.addRun(),
};

export const COPY_LINK: PageCommand = {
  id: 'copy-link',
  label: 'Copy link',
  key: 'l',
  shown: 'L',
  help: 'Copy a link that opens these runs, ready to run; hidden ones hidden',
  enabled: ({ opened }) => opened !== null,
  perform: ({ store, actions }) => {
    const { spec, hidden } = sharedSpecs(store.getState());
    void actions.copyLink(encodeLink(spec, hidden));
  },
};

export const INSPECT: PageCommand = {
  id: 'inspect',
  label: 'Inspect',
  key: 'i',
  shown: 'I',
  help: 'Look into the networks: filters, activations, what they get wrong, an image of your own',
  enabled: ({ lanes }) => lanes.some(({ recorded }) => !recorded),
  perform: ({ actions }) => actions.openDialog('inspect'),
};

export const KEPT: PageCommand = {
  id: 'kept',
  label: 'Kept runs',
  key: 'k',
  shown: 'K',
  help: 'Runs kept in this browser: resume, look at or delete them',
  enabled: () => true,
  perform: ({ actions }) => actions.openDialog('kept'),
};

export const EXPORT: PageCommand = {
  id: 'export',
  label: 'Export',
  key: 'd',
  shown: 'D',
  help: 'Download the selected run’s network, the results or a picture of them',
  enabled: ({ lanes }) => lanes.length > 0,
  perform: ({ actions }) => actions.openDialog('export'),
};

export const KEYBOARD: PageCommand = {
  id: 'keyboard',
  label: 'Keyboard',
  key: '?',
  shown: '?',
  help: 'The list of keys',
  enabled: () => true,
  perform: ({ actions }) => actions.openDialog('keyboard'),
};

export const COMMANDS: readonly PageCommand[] = [
  RUN,
  {
    id: 'step',
    label: 'Step',
    key: '.',
    shown: '.',
    help: 'Train one batch, then pause',
    enabled: ready,
    perform: (lab) => lab.actions.advance('step'),
  },
  {
    id: 'epoch',
    label: 'Epoch',
    key: 'e',
    shown: 'E',
    help: 'Train one epoch’s worth of batches, then pause',
    enabled: ready,
    perform: (lab) => lab.actions.advance('epoch'),
  },
  {
    id: 'decision',
    label: 'Next prune',
    key: 'n',
    shown: 'N',
    help: 'Train until channels are pruned or regrown, then pause',
    enabled: (state) => ready(state) && state.opened?.scheme.id !== 'dense',
    perform: (lab) => lab.actions.advance('decision'),
  },
  {
    id: 'reset',
    label: 'Reset',
    key: 'r',
    shown: 'R',
    help: 'Start this run again from its beginning',
    enabled: ({ runState }) => runState !== 'loading',
    perform: (lab) => lab.actions.reset(),
  },
  {
    id: 'undo',
    label: 'Undo',
    key: 'z',
    mod: true,
    shown: 'Ctrl Z',
    help: 'Undo what was done last: a fork, an added or removed run, an applied change',
    enabled: ({ past }) => past.length > 0,
    perform: (lab) => lab.actions.undo(),
  },
  PREVIOUS_EVENT,
  NEXT_EVENT,
  PLAY,
  LIVE,
  ADD_RUN,
  COPY_LINK,
  INSPECT,
  KEPT,
  EXPORT,
  KEYBOARD,
];

/** Keys of one part of the page, which hears them itself while it has the focus. */
export interface LocalKey {
  readonly where: string;
  readonly shown: string;
  readonly help: string;
}

export const LOCAL_KEYS: readonly LocalKey[] = [
  { where: 'Channel map', shown: '← → ↑ ↓', help: 'From channel to channel, to read why each is on or off' },
  { where: 'Channel map', shown: 'Enter', help: 'Pin what is said of the channel; Esc lets go' },
  { where: 'Channel map', shown: 'X', help: 'Switch the channel off or on by hand' },
  { where: 'Time line', shown: '← →', help: 'One step; Home and End go to the ends' },
  { where: 'Runs', shown: '↑ ↓', help: 'From run to run' },
  { where: 'Strided taps', shown: '← → ↑ ↓', help: 'To another source map, to another offset' },
  { where: 'Inspect', shown: '← → ↑ ↓', help: 'From image to image, map to map, cell to cell' },
  { where: 'Inspect', shown: 'Enter', help: 'Show the images of a cell, or the probabilities of an image' },
  { where: 'Your image', shown: '← → ↑ ↓', help: 'Move the crop; with Shift further' },
];

const SLIDER_KEYS = /^(Arrow|Home$|End$|Page)/;

/** Fields, dialogs and menus keep their keys; so do a slider those that move it and a button its space bar. */
function takesKeys(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input, select, textarea, [contenteditable], [role="dialog"], [role="menu"]')) return true;
  if (target.closest('[role="slider"]')) return SLIDER_KEYS.test(key);
  return key === ' ' && target.closest('button, a, summary') !== null;
}

/** Runs the command that a key stands for; true when there was one. */
export function performKey(event: KeyboardEvent, lab: Lab): boolean {
  // Brackets take AltGr on many keyboards, which some systems tell as Ctrl and Alt.
  const typed = event.getModifierState('AltGraph');
  const mod = !typed && (event.ctrlKey || event.metaKey);
  if ((event.altKey && !typed) || takesKeys(event.target, event.key)) return false;
  const command = COMMANDS.find(({ key, mod: wanted = false }) => key === event.key.toLowerCase() && wanted === mod);
  if (!command || !command.enabled(lab.store.getState())) return false;
  command.perform(lab);
  return true;
}
