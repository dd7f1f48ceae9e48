import type { KeyboardEvent, PointerEvent } from 'react';
import { grabbed, held, movedTo } from '../widgets/slider.ts';

export interface WidthHandleProps {
  readonly layer: string;
  readonly kept: number;
  readonly total: number;
  /** Length of the rail in pixels: the whole layer. */
  readonly length: number;
  onWidth(width: number): void;
  /** A drag or key press is over. */
  onDone(): void;
}

/** A rail below a layer's cells with a knob at its width: dragged, or moved with the arrow keys. */
export function WidthHandle({ layer, kept, total, length, onWidth, onDone }: WidthHandleProps) {
  const drag = (event: PointerEvent<HTMLElement>): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onWidth(Math.min(total, Math.max(1, Math.round(((event.clientX - left) / width) * total))));
  };
  const onKey = (event: KeyboardEvent): void => {
    const to = movedTo(event, { value: kept, page: Math.max(1, Math.round(total / 8)), first: 1, last: total });
    if (to === null) return;
    onWidth(to);
    onDone();
  };
  return (
    <div
      className="width-rail"
      role="slider"
      tabIndex={0}
      aria-label={`Width of ${layer}`}
      aria-valuemin={1}
      aria-valuemax={total}
      aria-valuenow={kept}
      title="Drag to keep fewer or more channels: the best scored stay"
      style={{ width: length }}
      onKeyDown={onKey}
      onPointerDown={(event) => grabbed(event) && drag(event)}
      onPointerMove={(event) => held(event) && drag(event)}
      onPointerUp={onDone}
      onPointerCancel={onDone}
    >
      <span className="width-fill" style={{ width: `${(100 * kept) / total}%` }} />
      <span className="width-knob" style={{ left: `${(100 * kept) / total}%` }} />
    </div>
  );
}
