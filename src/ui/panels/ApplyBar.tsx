import { Button } from '@mantine/core';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';

/** Once something has been trained, a change waits here until it is wanted. */
export function ApplyBar() {
  const { actions } = useLab();
  const parsed = useLabState((state) => state.parsed);
  const opened = useLabState((state) => state.opened);
  const past = useLabState((state) => state.past);
  const { step } = useRunView();
  const changed = opened !== null && (!parsed.ok || JSON.stringify(parsed.spec) !== JSON.stringify(opened));
  const problems = parsed.ok ? [] : parsed.problems;
  return (
    <div className="setup-apply">
      {problems.length > 0 && (
        <div role="alert" className="setup-problems">
          {problems.map(({ message }) => (
            <p key={message}>{message}</p>
          ))}
        </div>
      )}
      {changed && step > 0 && (
        <>
          <p>Applying starts a new run in place of this one; Undo brings its set-up back.</p>
          <div className="setup-buttons">
            <Button size="compact-sm" disabled={!parsed.ok} onClick={actions.apply}>
              Apply
            </Button>
            <Button size="compact-sm" variant="default" onClick={actions.discard}>
              Discard changes
            </Button>
          </div>
        </>
      )}
      {!changed && past.length > 0 && (
        <Button size="compact-sm" variant="subtle" onClick={actions.undo}>
          Undo {past.at(-1)?.label}
        </Button>
      )}
    </div>
  );
}
