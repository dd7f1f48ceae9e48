import type { TickKind } from '../../core/events/ticks.ts';
import type { Palette } from './cells.ts';
import { type StripLane, type StripLayout, ticksToDraw, xOfStep } from './strip.ts';

/** Colours of the time line in one theme, as canvases need them. */
export interface StripColours {
  readonly palette: Palette;
  readonly series: readonly string[];
  readonly line: string;
  readonly surface: string;
  readonly text: string;
  readonly muted: string;
  readonly alarm: string;
  readonly rewound: string;
}

/** The page's colours as they are where an element stands. */
export function stripColours(element: Element, palette: Palette): StripColours {
  const style = getComputedStyle(element);
  const of = (name: string): string => style.getPropertyValue(name).trim();
  return {
    palette,
    series: [1, 2, 3, 4, 5, 6].map((index) => of(`--series-${index}`)),
    line: of('--line'),
    surface: of('--surface'),
    text: of('--text'),
    muted: of('--muted'),
    alarm: of('--timeline-alarm'),
    rewound: of('--timeline-rewound'),
  };
}

/** Draws the rows, what happened in each, and the step that is shown. */
export function drawStrip(
  context: CanvasRenderingContext2D,
  layout: StripLayout,
  lanes: readonly StripLane[],
  cursor: number | null,
  colours: StripColours,
): void {
  lanes.forEach((lane, index) => drawLane(context, layout, lane, (index + 0.5) * layout.row, colours));
  if (cursor === null) return;
  const x = xOfStep(layout, cursor);
  context.fillStyle = colours.rewound;
  context.fillRect(x - 1, 0, 2, layout.height);
  context.beginPath();
  context.moveTo(x - 5, 0);
  context.lineTo(x + 5, 0);
  context.lineTo(x, 6);
  context.fill();
}

function drawLane(
  context: CanvasRenderingContext2D,
  layout: StripLayout,
  lane: StripLane,
  y: number,
  colours: StripColours,
): void {
  const { ticks, steps, reached, checkpoints, colour } = lane;
  const own = colours.series[colour] ?? colours.text;
  const thick = layout.row >= 20 ? 6 : 4;
  const bar = (to: number): void => {
    const left = xOfStep(layout, 0);
    context.beginPath();
    context.roundRect(left, y - thick / 2, Math.max(thick, xOfStep(layout, to) - left), thick, thick / 2);
    context.fill();
  };
  context.fillStyle = colours.line;
  bar(steps);
  if (reached > 0) {
    context.fillStyle = own;
    bar(reached);
  }
  for (const step of checkpoints) drawMark(context, 'checkpoint', xOfStep(layout, step), y, layout.row, own, colours);
  for (const { tick, x } of ticksToDraw(layout, ticks)) {
    if (tick.kind !== 'evaluate') drawMark(context, tick.kind, x, y, layout.row, own, colours);
  }
}

export type Mark = Exclude<TickKind, 'evaluate'> | 'checkpoint';

/** Draws one mark on a row whose middle is at y: what was cut hangs below it, what grew stands on it. */
export function drawMark(
  context: CanvasRenderingContext2D,
  mark: Mark,
  x: number,
  y: number,
  row: number,
  own: string,
  colours: StripColours,
): void {
  const bar = row >= 20 ? 3 : 2;
  const size = Math.min(7, row / 2 - bar);
  const polygon = (...points: readonly (readonly [number, number])[]): void => {
    context.beginPath();
    points.forEach(([dx, dy], i) => (i === 0 ? context.moveTo(x + dx, y + dy) : context.lineTo(x + dx, y + dy)));
    context.closePath();
    context.fill();
  };
  const disc = (radius: number): void => {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
  };
  const outlined = (draw: () => void): void => {
    context.lineWidth = 3;
    context.strokeStyle = colours.surface;
    draw();
    context.stroke();
    context.fill();
  };
  const wide = size * 0.62;
  switch (mark) {
    case 'checkpoint':
      context.fillStyle = colours.surface;
      context.fillRect(x - 0.75, y - bar, 1.5, 2 * bar);
      return;
    case 'prune':
      context.fillStyle = colours.palette.pruned;
      return polygon([-wide, bar], [wide, bar], [0, bar + size]);
    case 'regrow':
      context.fillStyle = colours.palette.regrown;
      return polygon([-wide, -bar], [wide, -bar], [0, -bar - size]);
    case 'crop':
      context.fillStyle = colours.palette.pruned;
      return polygon([-wide, bar], [wide, bar], [wide, bar + size], [-wide, bar + size]);
    case 'mask':
      context.fillStyle = colours.muted;
      return polygon([-wide, -bar], [wide, -bar], [wide, -bar - size], [-wide, -bar - size]);
    case 'setting':
      context.fillStyle = colours.text;
      return polygon([0, -size], [size * 0.8, 0], [0, size], [-size * 0.8, 0]);
    case 'fork':
      context.fillStyle = own;
      return outlined(() => disc(bar + 2));
    case 'recovered':
    case 'batchHalved':
      context.strokeStyle = colours.text;
      context.fillStyle = colours.surface;
      context.lineWidth = 1.5;
      disc(bar + 1.5);
      context.fill();
      return context.stroke();
    case 'diverged':
    case 'error':
      context.strokeStyle = colours.alarm;
      context.lineWidth = 2.5;
      context.beginPath();
      for (const side of [-1, 1]) {
        context.moveTo(x - 4.5 * side, y - 4.5);
        context.lineTo(x + 4.5 * side, y + 4.5);
      }
      return context.stroke();
    case 'finish':
      context.fillStyle = own;
      return polygon([-1.5, -bar - 4], [1.5, -bar - 4], [1.5, bar + 4], [-1.5, bar + 4]);
  }
}
