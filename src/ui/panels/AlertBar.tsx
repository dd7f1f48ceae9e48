import { Alert, Button } from '@mantine/core';
import { TriangleAlert } from 'lucide-react';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';

/** Refusals, failures and what stopped a run: a sentence each, and what can be done at once. */
export function AlertBar() {
  const { actions, store } = useLab();
  const alert = useLabState((state) => state.alert);
  const runState = useLabState((state) => state.runState);
  const { stop, start } = useRunView();
  const message = alert?.message ?? (runState === 'error' ? stop?.message : undefined);
  if (!message) return null;

  const halve = (): void => {
    const rate = start?.spec.train.learningRate ?? 0.1;
    store.setState({ draft: start ? { ...start.spec } : store.getState().draft });
    actions.edit('train.learningRate', rate / 2);
    actions.apply();
  };
  return (
    <Alert
      color="orange"
      role="alert"
      icon={<TriangleAlert size={18} />}
      withCloseButton={alert !== null}
      closeButtonLabel="Dismiss"
      onClose={actions.dismissAlert}
      className="alert"
    >
      {message}
      {alert && alert.problems.length > 0 && (
        <ul>
          {alert.problems.map(({ message: text }) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {!alert && stop?.kind === 'diverged' && (
        <Button size="compact-sm" variant="default" onClick={halve} ml="sm">
          Try half the learning rate
        </Button>
      )}
    </Alert>
  );
}
