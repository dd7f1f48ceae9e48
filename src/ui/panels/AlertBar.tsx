import { Alert, Button } from '@mantine/core';
import { Info, TriangleAlert } from 'lucide-react';
import { Suspense, lazy } from 'react';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { SaveProblem, useInterrupted, useSaveProblem } from '../kept/KeptNotes.tsx';

const Interrupted = lazy(() => import('../kept/Interrupted.tsx'));

/** Refusals, failures and what stopped the selected run: a sentence each, and what can be done at once. */
export function AlertBar() {
  const { actions } = useLab();
  const alert = useLabState((state) => state.alert);
  const lane = useLabState(({ lanes, selected }) => lanes.find(({ run }) => run === selected));
  const { stop, start } = useRunView();
  const saveProblem = useSaveProblem();
  const interrupted = useInterrupted();
  const message = alert?.message ?? (lane?.state === 'error' ? (stop ?? lane.problem)?.message : undefined);
  if (!message && saveProblem) return <SaveProblem message={saveProblem} />;
  if (!message && interrupted) {
    return (
      <Suspense>
        <Interrupted />
      </Suspense>
    );
  }
  if (!message) return <EngineNote />;

  const halve = (): void => {
    if (!start) return;
    actions.discard();
    actions.edit('train.learningRate', start.spec.train.learningRate / 2);
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
      {alert && alert.problems.some((problem) => problem.message !== message) && (
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

/** The last thing worth telling: a device that was replaced, a halved batch, or why a slower engine is in use. */
function EngineNote() {
  const engine = useLabState((state) => state.engine);
  const message = useRunView().notes.at(-1) ?? engine?.reason;
  if (!message) return null;
  return (
    <Alert color="blue" role="note" icon={<Info size={18} />} className="alert">
      {message}
    </Alert>
  );
}
