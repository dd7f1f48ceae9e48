import { Button } from '@mantine/core';
import { Plus } from 'lucide-react';
import type { KeyboardEvent } from 'react';
import { MOST_RUNS } from '../../core/spec/race.ts';
import { useLab, useLabState } from '../app/lab-context.tsx';
import { ADD_RUN } from '../commands/commands.ts';
import { RunLane } from './RunLane.tsx';
import './runs.css';

/** The lanes of the race: one row a run; the chosen one is what the form, the map and the figures are about. */
export function Runs() {
  const lab = useLab();
  const lanes = useLabState((state) => state.lanes);
  const parsed = useLabState((state) => state.parsed.ok);
  const full = lanes.length >= MOST_RUNS;
  const why = full ? `${MOST_RUNS} at most` : parsed ? null : 'correct the set-up';
  return (
    <section className="runs" aria-labelledby="runs-title">
      <div className="runs-head">
        <h2 id="runs-title">{lanes.length > 1 ? `Race of ${lanes.length}` : 'Run'}</h2>
        {why && (
          <p id="add-run-why" title={why}>
            {why}
          </p>
        )}
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<Plus size={14} />}
          disabled={why !== null}
          aria-describedby={why ? 'add-run-why' : undefined}
          title={`${ADD_RUN.help} (${ADD_RUN.shown})`}
          onClick={() => ADD_RUN.perform(lab)}
        >
          Add run
        </Button>
      </div>
      <ul className="lanes" onKeyDown={moveFocus}>
        {lanes.map((lane) => (
          <RunLane key={lane.run} lane={lane} alone={lanes.length === 1} />
        ))}
      </ul>
    </section>
  );
}

/** Up and down go from lane to lane. */
function moveFocus(event: KeyboardEvent<HTMLUListElement>): void {
  const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (by === undefined || !(event.target instanceof HTMLButtonElement)) return;
  const lanes = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('.lane-select')];
  const at = lanes.indexOf(event.target);
  if (at < 0) return;
  lanes[at + by]?.focus();
  event.preventDefault();
}
