import { Alert, Button } from '@mantine/core';
import { History, TriangleAlert } from 'lucide-react';
import { offered } from '../../state/kept.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import './kept-notes.css';

/** What went wrong with keeping an open run, one for all that share it; training goes on meanwhile. */
export const useSaveProblem = (): string | null =>
  useLabState(({ lanes }) => lanes.find(({ saveProblem }) => saveProblem !== null)?.saveProblem ?? null);

export const SaveProblem = ({ message }: { message: string }) => (
  <Alert color="orange" role="alert" icon={<TriangleAlert size={18} />} className="alert">
    {message}
  </Alert>
);

/** Whether there are runs to offer that were interrupted before this visit. */
export const useInterrupted = (): boolean => useLabState((state) => offered(state).length > 0);

/** The latest run that was interrupted before this visit, to resume with one click; the dialog has the others. */
export function Interrupted() {
  const { store, actions } = useLab();
  useLabState((state) => state.kept);
  const [latest, ...more] = offered(store.getState());
  if (!latest) return null;
  const { name, step, steps } = latest;
  return (
    <Alert color="blue" role="note" icon={<History size={18} />} className="alert interrupted">
      <span className="interrupted-run" title={name}>
        Interrupted: <b>{name}</b>, step {step.toLocaleString('en')} of {steps.toLocaleString('en')}
      </span>
      <span className="interrupted-do">
        <Button size="compact-sm" onClick={() => actions.resume(latest)}>
          Resume
        </Button>
        <Button size="compact-sm" variant="default" onClick={actions.dismissInterrupted}>
          Not now
        </Button>
        {more.length > 0 && (
          <Button size="compact-sm" variant="subtle" onClick={() => actions.openDialog('kept')}>
            {more.length} more
          </Button>
        )}
      </span>
    </Alert>
  );
}

/** What of the selected run would survive a crash. */
export function SavedAt() {
  const step = useLabState(({ lanes, selected }) => lanes.find(({ run }) => run === selected)?.kept?.step);
  if (step === undefined) return null;
  return (
    <span className="saved-at" title="Kept in this browser: a reload or crash loses only the steps after this one">
      Saved at step {step.toLocaleString('en')}
    </span>
  );
}
