import { NativeSelect } from '@mantine/core';
import { useLabState } from '../app/lab-context.tsx';
import { Swatch } from '../widgets/Swatch.tsx';
import { runStyle } from '../widgets/run-style.ts';
import { type Chosen, askable } from './sides.ts';
import './inspect.css';

export type { Chosen };

/** Which run is looked at, and when: now, or at one of its checkpoints. */
export function MomentPicker({
  label,
  chosen,
  onChoose,
}: {
  label: string;
  chosen: Chosen;
  onChoose: (chosen: Chosen) => void;
}) {
  const lanes = askable(useLabState((state) => state.lanes));
  const lane = lanes.find(({ run }) => run === chosen.run);
  const steps = lane?.snapshots ?? [];
  const gone = chosen.at !== undefined && !steps.includes(chosen.at);
  const moments = [
    { value: 'now', label: 'now' },
    ...(gone ? [{ value: String(chosen.at), label: `step ${chosen.at} (no longer kept)`, disabled: true }] : []),
    ...steps.toReversed().map((step) => ({ value: String(step), label: `at step ${step.toLocaleString('en')}` })),
  ];
  return (
    <div className="moment" role="group" aria-label={label}>
      <span className="moment-label">{label}</span>
      {lane && <Swatch style={runStyle(lane.colour)} width={18} />}
      <NativeSelect
        size="xs"
        className="moment-run"
        aria-label={`${label}: run`}
        data={lanes.map(({ run, spec }) => ({ value: String(run), label: spec.name }))}
        value={String(chosen.run)}
        onChange={({ currentTarget }) => onChoose({ run: Number(currentTarget.value) })}
      />
      <NativeSelect
        size="xs"
        aria-label={`${label}: moment`}
        data={moments}
        value={chosen.at === undefined ? 'now' : String(chosen.at)}
        onChange={({ currentTarget: { value } }) =>
          onChoose(value === 'now' ? { run: chosen.run } : { run: chosen.run, at: Number(value) })
        }
      />
    </div>
  );
}
