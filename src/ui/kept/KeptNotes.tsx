import { Alert } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import { offered } from '../../state/kept.ts';
import { useLabState } from '../app/lab-context.tsx';
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
