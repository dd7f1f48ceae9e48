import { useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { type KeyboardEvent, type PointerEvent, useEffect, useRef } from 'react';
import { grabbed, held, movedTo } from '../widgets/slider.ts';
import { PALETTES } from './cells.ts';
import { drawStrip, stripColours } from './draw-strip.ts';
import { type StripLane, type StripLayout, laneAt, layOutStrip, snappedStep, ticksNear, ticksToDraw } from './strip.ts';
import { surfaceOf } from './surface.ts';

export interface TimelineStripProps {
  readonly lanes: readonly StripLane[];
  /** The step that is shown; null while live. */
  readonly cursor: number | null;
  /** The last step that any run has reached. */
  readonly last: number;
  /** Shows a step, or null for live. */
  onSeek(step: number | null): void;
}

/** The rows of the time line, drawn, with a slider over them that chooses the step. */
export function TimelineStrip({ lanes, cursor, last, onSeek }: TimelineStripProps) {
  const { ref, width } = useElementSize();
  const canvas = useRef<HTMLCanvasElement>(null);
  const tip = useRef<HTMLDivElement>(null);
  const frame = useRef(0);
  const palette = PALETTES[useComputedColorScheme('light')];
  const layout = layOutStrip(Math.max(1, Math.floor(width)), lanes);
  const { steps, height } = layout;
  const shown = cursor ?? last;

  useEffect(() => {
    const draw = (): void => {
      const element = canvas.current;
      const context = element && surfaceOf(element, layout.width, height);
      if (context) drawStrip(context, layout, lanes, cursor, stripColours(element, palette));
    };
    // In the next frame the page's colours are those of its theme, also when it has just been changed.
    const drawing = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(drawing);
  });
  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const xOf = (event: PointerEvent): number => event.clientX - event.currentTarget.getBoundingClientRect().left;
  const seek = (event: PointerEvent): void => {
    const x = xOf(event);
    cancelAnimationFrame(frame.current);
    // Everything on the page follows: once a frame is as often as it can.
    frame.current = requestAnimationFrame(() => onSeek(snappedStep(layout, x, marksOf(layout, lanes))));
  };
  const tell = (event: PointerEvent): void => {
    const { top } = event.currentTarget.getBoundingClientRect();
    const x = xOf(event);
    const lane = laneAt(layout, lanes, event.clientY - top);
    const near = ticksNear(layout, lane?.ticks ?? [], x);
    const step = snappedStep(layout, x, marksOf(layout, lanes));
    const text = near.length > 0 ? `: ${near.map(({ label }) => label).join(' ')}` : '';
    const whose = lane && lanes.length > 1 ? `${lane.name}, step` : 'Step';
    showTip(tip.current, `${whose} ${step.toLocaleString('en')}${text}`, x, layout.width);
  };
  const onKey = (event: KeyboardEvent): void => {
    const to = movedTo(event, { value: shown, page: Math.max(1, Math.round(steps / 20)), first: 0, last });
    if (to !== null) onSeek(event.key === 'End' ? null : to);
  };

  return (
    <div className="timeline-strip" ref={ref}>
      <canvas ref={canvas} aria-hidden style={{ width: layout.width, height }} />
      <div
        className="timeline-slider"
        role="slider"
        tabIndex={0}
        aria-label="Step"
        aria-valuemin={0}
        aria-valuemax={steps}
        aria-valuenow={shown}
        aria-valuetext={`step ${shown} of ${steps}, ${cursor === null ? 'live' : 'rewound'}`}
        onKeyDown={onKey}
        onPointerDown={(event) => grabbed(event) && seek(event)}
        onPointerMove={(event) => {
          tell(event);
          if (held(event)) seek(event);
        }}
        onPointerLeave={() => showTip(tip.current, '', 0, 0)}
      />
      <div ref={tip} className="timeline-tip" aria-hidden hidden />
    </div>
  );
}

/** Steps that a pointer is drawn to: something happened there, or a fork can set off from there. */
const marksOf = (layout: StripLayout, lanes: readonly StripLane[]): readonly number[] =>
  lanes.flatMap(({ ticks, checkpoints }) => [
    ...ticksToDraw(layout, ticks).map(({ tick }) => tick.step),
    ...checkpoints,
  ]);

/** Changed in place: it follows the pointer. */
function showTip(tip: HTMLDivElement | null, text: string, x: number, width: number): void {
  if (!tip) return;
  tip.hidden = text === '';
  tip.textContent = text;
  const half = tip.offsetWidth / 2;
  tip.style.left = `${Math.max(0, Math.min(width - 2 * half, x - half))}px`;
}
