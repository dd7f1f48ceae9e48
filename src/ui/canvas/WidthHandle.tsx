import type { KeyboardEvent, PointerEvent } from 'react';

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
  const drag = (event: PointerEvent): void => {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    onWidth(Math.min(total, Math.max(1, Math.round(((event.clientX - left) / width) * total))));
  };
  const onKey = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.round(total / 8));
    const moves: Readonly<Record<string, number>> = {
      ArrowRight: kept + 1,
      ArrowUp: kept + 1,
      ArrowLeft: kept - 1,
      ArrowDown: kept - 1,
      PageUp: kept + page,
      PageDown: kept - page,
      Home: 1,
      End: total,
    };
    const to = moves[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    onWidth(Math.min(total, Math.max(1, to)));
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
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        drag(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && drag(event)}
      onPointerUp={onDone}
    >
      <span className="width-fill" style={{ width: `${(100 * kept) / total}%` }} />
      <span className="width-knob" style={{ left: `${(100 * kept) / total}%` }} />
    </div>
  );
}
