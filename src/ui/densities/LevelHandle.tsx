import type { KeyboardEvent, PointerEvent } from 'react';
import { compactNumber } from '../widgets/format.ts';
import { grabbed, held, movedTo } from '../widgets/slider.ts';
import { type BarBox, heightOf, valueAt } from './bars.ts';

export interface LevelHandleProps {
  readonly box: BarBox;
  /** The level and the share of the budget that it comes to. */
  readonly level: number;
  readonly keep: number;
  readonly smallest: number;
  /** The largest layer: no level is higher. */
  readonly largest: number;
  readonly unit: string;
  /** Of a recording: it is looked at. */
  readonly disabled: boolean;
  /** A level while it is dragged. */
  onLevel(level: number): void;
  /** A share chosen by key. */
  onKeep(keep: number): void;
  onGrab(): void;
  /** A drag is over. */
  onDone(): void;
}

/** The water level as a line across the bars: dragged, or moved with the arrow keys by a hundredth of the budget. */
export function LevelHandle(props: LevelHandleProps) {
  const { box, level, keep, smallest, largest, unit, disabled, onLevel, onKeep, onGrab, onDone } = props;
  const drag = (event: PointerEvent<HTMLElement>): void => {
    const plot = event.currentTarget.parentElement?.getBoundingClientRect();
    if (plot) onLevel(valueAt(box, plot.top + box.top + box.height - event.clientY));
  };
  const onKey = (event: KeyboardEvent): void => {
    const to = movedTo(event, { value: keep, step: 0.01, page: 0.1, first: smallest, last: 1 });
    if (to !== null) onKeep(Math.min(1, Math.max(smallest, Math.round(to * 1_000) / 1_000)));
  };
  const y = box.top + box.height - heightOf(box, level);
  const place = { left: box.left, width: box.width, top: y };
  const label = <span className="level-label">level {compactNumber(level)}</span>;
  if (disabled) {
    return (
      <div className="level" style={place} data-fixed>
        <span className="level-line" />
        {label}
      </div>
    );
  }
  return (
    <div
      className="level"
      role="slider"
      tabIndex={0}
      aria-label="Level"
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={Math.round(largest)}
      aria-valuenow={Math.round(level)}
      aria-valuetext={`${Math.round(level).toLocaleString('en')} ${unit} a layer, ${Math.round(keep * 1_000) / 10} % kept`}
      title="Drag to keep more or less: every layer that is cut keeps this much"
      style={place}
      onKeyDown={onKey}
      onPointerDown={(event) => grabbed(event) && onGrab()}
      onPointerMove={(event) => held(event) && drag(event)}
      onPointerUp={onDone}
      onPointerCancel={onDone}
    >
      <span className="level-line" />
      {label}
      <span className="level-knob" />
    </div>
  );
}
