import { useReducedMotion } from '@mantine/hooks';
import { type MouseEvent, useEffect, useRef } from 'react';
import type { LayerView } from '../../core/events/view.ts';
import { type CellLayout, type Palette, cellAt, drawCell, stateOf } from './cells.ts';
import { surfaceOf } from './surface.ts';

/** Milliseconds over which a changed cell grows into place. */
const SETTLE = 450;

export interface LayerCellsProps {
  readonly layer: LayerView;
  readonly layout: CellLayout;
  readonly width: number;
  readonly palette: Palette;
  /** Step of the latest decision: what changed then is drawn as news. */
  readonly latest: number;
  /** Channels that the user wants kept; null where nothing was switched by hand. */
  readonly wanted: readonly number[] | null;
  readonly cursor: number | null;
  readonly pinned: number | null;
  onPoint(channel: number | null): void;
  onPin(channel: number): void;
}

/** The cells of one layer. Redrawn when the view is published; news grows in over a few frames. */
export function LayerCells(props: LayerCellsProps) {
  const { layer, layout, width, palette, latest, wanted, cursor, pinned, onPoint, onPin } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const changedAt = useRef({ step: -1, time: 0 });
  const still = useReducedMotion();
  const height = layout.lines * layout.size;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    if (changedAt.current.step !== latest) changedAt.current = { step: latest, time: performance.now() };
    let frame = 0;
    const draw = (): void => {
      const context = surfaceOf(element, width, height);
      if (!context) return;
      const age = still ? 1 : Math.min(1, (performance.now() - changedAt.current.time) / SETTLE);
      const kept = wanted && new Set(wanted);
      layer.channels.forEach((channel, index) => {
        const x = (index % layout.perLine) * layout.size;
        const y = Math.floor(index / layout.perLine) * layout.size;
        const state = stateOf(channel, layer.prunable, kept && kept.has(index));
        drawCell(context, state, x, y, layout.size, age, palette);
        if (index !== cursor && index !== pinned) return;
        context.strokeStyle = palette.cursor;
        context.lineWidth = index === pinned ? 2.5 : 1.5;
        context.strokeRect(x - 0.5, y - 0.5, layout.size - 0.5, layout.size - 0.5);
      });
      if (age < 1) frame = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(frame);
  });

  const under = (event: MouseEvent<HTMLCanvasElement>): number | null => {
    const box = event.currentTarget.getBoundingClientRect();
    return cellAt(layout, layer.total, event.clientX - box.left, event.clientY - box.top);
  };
  return (
    <canvas
      ref={canvas}
      aria-hidden
      style={{ width, height }}
      onPointerMove={(event) => onPoint(under(event))}
      onPointerDown={(event) => onPoint(under(event))}
      onPointerLeave={() => onPoint(null)}
      onClick={(event) => {
        const channel = under(event);
        if (channel !== null) onPin(channel);
      }}
    />
  );
}
