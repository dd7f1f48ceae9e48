import { TextInput } from '@mantine/core';
import { type CSSProperties, type KeyboardEvent, useState } from 'react';
import type { Lane } from '../../state/lanes.ts';
import { useLab, useLabState, useRunView } from '../app/lab-context.tsx';
import { Swatch } from '../widgets/Swatch.tsx';
import { runStyle } from '../widgets/run-style.ts';
import { LaneActions } from './LaneActions.tsx';
import { laneFigures, originOf, reasonOf, stateOf } from './run-words.ts';

/** One run: its line, name, how it stands, and what can be done with it. */
export function RunLane({ lane, alone }: { lane: Lane; alone: boolean }) {
  const lab = useLab();
  const { actions } = lab;
  const selected = useLabState((state) => state.selected === lane.run);
  const lanes = useLabState((state) => state.lanes);
  const view = useRunView(lane.run);
  const live = lab.live(lane.run);
  const [renaming, setRenaming] = useState(false);
  const { run, spec } = lane;
  const style = runStyle(lane.colour);
  const figures = laneFigures(view);
  const origin = originOf(lane, live, lanes);
  const reason = reasonOf(lane, live);
  const share = view.start ? view.step / view.start.steps : 0;
  return (
    <li
      className="lane"
      data-run={run}
      data-lane-state={lane.state}
      data-lane-step={view.step}
      data-selected={(selected && !alone) || undefined}
      data-hidden={lane.hidden || undefined}
      style={{ '--run': style.colour } as CSSProperties}
    >
      {renaming ? (
        <NameEdit name={spec.name} onDone={() => setRenaming(false)} onName={(name) => actions.rename(run, name)} />
      ) : (
        <button
          type="button"
          className="lane-select"
          aria-labelledby={`lane-name-${run}`}
          aria-describedby={`lane-detail-${run}`}
          aria-current={selected ? 'true' : undefined}
          onClick={() => actions.select(run)}
          onDoubleClick={() => setRenaming(true)}
        >
          <Swatch style={style} />
          <strong id={`lane-name-${run}`}>{spec.name}</strong>
        </button>
      )}
      <p id={`lane-detail-${run}`} className="lane-detail">
        <span className="lane-state">{stateOf(lane, live)}</span>
        {figures.steps && <span>{figures.steps}</span>}
        {figures.steps && (
          <span title="Accuracy on the test images">
            test <b>{figures.test}</b>
          </span>
        )}
        {figures.steps && (
          <span title="Share of the dense network’s MACs">
            MACs <b>{figures.macs}</b>
          </span>
        )}
        {lane.hidden && <span>hidden</span>}
      </p>
      {origin && <p className="lane-origin">{origin}</p>}
      {reason && !alone && (
        <p className="lane-reason" role="alert">
          {reason}
        </p>
      )}
      {!renaming && <LaneActions lane={lane} alone={alone} onRename={() => setRenaming(true)} />}
      {!alone && (
        <span className="lane-progress" aria-hidden>
          <span style={{ width: `${Math.min(1, share) * 100}%` }} />
        </span>
      )}
    </li>
  );
}

/** The name as a field: Enter or leaving it takes the new name, Escape keeps the old one. */
function NameEdit({ name, onName, onDone }: { name: string; onName: (name: string) => void; onDone: () => void }) {
  const [text, setText] = useState(name);
  const take = (): void => {
    onName(text.trim());
    onDone();
  };
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === 'Enter') take();
    if (event.key === 'Escape') onDone();
    event.stopPropagation();
  };
  return (
    <TextInput
      size="xs"
      aria-label={`New name of ${name}`}
      value={text}
      maxLength={80}
      autoFocus
      onFocus={(event) => event.currentTarget.select()}
      onChange={(event) => setText(event.currentTarget.value)}
      onKeyDown={onKey}
      onBlur={take}
    />
  );
}
