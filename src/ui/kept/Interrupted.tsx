import { Alert, Button } from '@mantine/core';
import { History } from 'lucide-react';
import { offered } from '../../state/kept.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import './interrupted.css';

/** The latest run that was interrupted before this visit, to resume with one click; the dialog has the others. */
export default function Interrupted() {
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
