import { NativeSelect } from '@mantine/core';
import type { StageEvent } from '../../core/events/events.ts';
import { stageName } from './stages.ts';
import type { Place } from './use-stages.ts';

/** Which layer to look at. */
export const LayerPicker = ({
  layers,
  shown,
  onPlace,
}: {
  layers: readonly string[];
  shown: string;
  onPlace: (place: Place) => void;
}) => (
  <NativeSelect
    size="xs"
    className="sparsity-picker"
    aria-label="Layer"
    data={[...layers]}
    value={shown}
    onChange={(event) => onPlace({ layer: event.currentTarget.value, source: null })}
  />
);

/** Which stage to look at; `more` is an entry that stands for what is going on. */
export const StagePicker = ({
  stages,
  shown,
  more,
  onShow,
}: {
  stages: readonly StageEvent[];
  shown: number;
  more?: string | undefined;
  onShow: (place: number) => void;
}) => {
  const entries = stages.map(({ report }, place) => ({
    value: String(place),
    label: `Stage ${stageName(report.index, report.granularity)}`,
  }));
  if (more !== undefined) entries.push({ value: String(stages.length), label: more });
  if (entries.length < 2) return <p className="chart-note">{entries[0]?.label}</p>;
  return (
    <NativeSelect
      size="xs"
      className="sparsity-picker"
      aria-label="Stage"
      data={entries}
      value={String(shown)}
      onChange={(event) => onShow(Number(event.currentTarget.value))}
    />
  );
};
