import type { Lab, LabState } from '../../state/store.ts';

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
    help: 'Open again the run that the last applied change replaced',
    enabled: ({ past }) => past.length > 0,
    perform: (lab) => lab.actions.undo(),
  },
];

/** Fields keep their keys; so does a button its space bar. */
function takesKeys(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('input, select, textarea, [contenteditable], [role="slider"], [role="dialog"]')) return true;
  return key === ' ' && target.closest('button, a, summary') !== null;
}

/** Runs the command that a key stands for; true when there was one. */
export function performKey(event: KeyboardEvent, lab: Lab): boolean {
  const mod = event.ctrlKey || event.metaKey;
  if (event.altKey || takesKeys(event.target, event.key)) return false;
  const command = COMMANDS.find(({ key, mod: wanted = false }) => key === event.key.toLowerCase() && wanted === mod);
  if (!command || !command.enabled(lab.store.getState())) return false;
  command.perform(lab);
  return true;
}
