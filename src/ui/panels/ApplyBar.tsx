import { Button } from '@mantine/core';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { forkWords, waitingWords } from './apply-words.ts';
import { useForking } from './forking.ts';

/** Once something has been trained, a change waits here until it is wanted: in this run's place, or as a fork of it. */
export function ApplyBar() {
  const lab = useLab();
  const { actions } = lab;
  const parsed = useLabState((state) => state.parsed);
  const opened = useLabState((state) => state.opened);
  const past = useLabState((state) => state.past);
  const channels = useLabState((state) => Object.keys(state.edits).length > 0);
  const taps = useLabState((state) => Object.keys(state.tapEdits).length > 0);
  useLabState((state) => state.published);
  const { step: forkStep, obstacle } = useForking();
  const trained = lab.live().step > 0;
  const changed = opened !== null && (!parsed.ok || JSON.stringify(parsed.spec) !== JSON.stringify(opened));
  const problems = parsed.ok ? [] : parsed.problems;
  const waiting = trained && (changed || channels || taps);
  return (
    <div className="setup-apply">
      {problems.length > 0 && (
        <div role="alert" className="setup-problems">
          {problems.map(({ message }) => (
            <p key={message}>{message}</p>
          ))}
        </div>
      )}
      {waiting && (
        <>
          <p>
            {forkWords({ changed, channels, taps })}
            {changed && ' Apply starts anew in this run’s place.'}
          </p>
          {parsed.ok && obstacle !== null && <p>No fork: {obstacle}</p>}
          <div className="setup-buttons">
            <Button
              size="compact-sm"
              disabled={obstacle !== null}
              onClick={() => forkStep !== null && actions.fork(forkStep)}
            >
              {forkStep === null ? 'Fork' : `Fork at step ${forkStep}`}
            </Button>
            {changed && (
              <Button size="compact-sm" variant="default" disabled={!parsed.ok} onClick={actions.apply}>
                Apply
              </Button>
            )}
            <Button size="compact-sm" variant="default" aria-label="Discard changes" onClick={actions.discard}>
              Discard
            </Button>
          </div>
        </>
      )}
      {!trained && (channels || taps) && <p>{waitingWords({ channels, taps })}</p>}
      {!waiting && past.length > 0 && (
        <Button size="compact-sm" variant="subtle" onClick={actions.undo}>
          Undo {past.at(-1)?.label}
        </Button>
      )}
    </div>
  );
}
