import type { ChannelView } from '../../core/events/view.ts';

/** Colours of the map in one theme (Okabe-Ito hues; each state also has a shape of its own). */
export interface Palette {
  readonly kept: string;
  readonly fixed: string;
  readonly off: string;
  readonly pruned: string;
  readonly regrown: string;
  readonly glyph: string;
  readonly cursor: string;
  /** Switched by hand, and not yet in use. */
  readonly byHand: string;
}

export const PALETTES: Readonly<Record<'light' | 'dark', Palette>> = {
  light: {
    kept: '#009e73',
    fixed: '#8fa3ad',
    off: '#b9c2c9',
    pruned: '#d55e00',
    regrown: '#f0b429',
    glyph: '#3a2a00',
    cursor: '#111827',
    byHand: '#0072b2',
  },
  dark: {
    kept: '#1fb98b',
    fixed: '#5d707a',
    off: '#4b565e',
    pruned: '#ff8a3d',
    regrown: '#f5c542',
    glyph: '#2b1f00',
    cursor: '#f3f4f6',
    byHand: '#56b4e9',
  },
};

export type CellState = ChannelView['fate'] | 'fixed' | 'switchedOff' | 'switchedOn';

/** Draws one cell of side `size` at (x, y); `age` from 0 (just changed) to 1 (settled) lets news grow into place. */
export function drawCell(
  context: CanvasRenderingContext2D,
  state: CellState,
  x: number,
  y: number,
  size: number,
  age: number,
  palette: Palette,
): void {
  const gap = size >= 10 ? 2 : 1;
  const side = size - gap;
  const radius = Math.min(4, side / 4);
  const grown = state === 'regrown' || state === 'pruned' ? 0.4 + 0.6 * age : 1;
  const inset = (side * (1 - grown)) / 2;
  const box = (margin: number): void => {
    context.beginPath();
    context.roundRect(
      x + inset + margin,
      y + inset + margin,
      side * grown - 2 * margin,
      side * grown - 2 * margin,
      radius,
    );
  };
  if (state === 'off') {
    // A dot where a channel was: room on the wall, not a block of it.
    context.fillStyle = palette.off;
    context.beginPath();
    context.arc(x + side / 2, y + side / 2, Math.max(1, side * 0.16), 0, 2 * Math.PI);
    context.fill();
    return;
  }
  if (state === 'switchedOff' || state === 'switchedOn') {
    const line = Math.max(1.5, side * 0.12);
    context.strokeStyle = palette.byHand;
    context.lineWidth = line;
    if (state === 'switchedOff') context.setLineDash([side * 0.22, side * 0.16]);
    box(line / 2);
    context.stroke();
    context.setLineDash([]);
    if (state === 'switchedOff') return;
    context.fillStyle = palette.kept;
    box(line * 1.6);
    context.fill();
    return;
  }
  if (state === 'pruned') {
    context.strokeStyle = palette.pruned;
    context.lineWidth = Math.max(1, side * 0.14);
    box(context.lineWidth / 2);
    context.stroke();
    if (side < 6) return;
    const arm = side * 0.2 * grown;
    const [cx, cy] = [x + side / 2, y + side / 2];
    context.beginPath();
    context.moveTo(cx - arm, cy - arm);
    context.lineTo(cx + arm, cy + arm);
    context.moveTo(cx + arm, cy - arm);
    context.lineTo(cx - arm, cy + arm);
    context.stroke();
    return;
  }
  context.fillStyle = palette[state];
  box(0);
  context.fill();
  if (state !== 'regrown' || side < 6) return;
  context.strokeStyle = palette.glyph;
  context.lineWidth = Math.max(1, side * 0.14);
  const arm = side * 0.24 * grown;
  const [cx, cy] = [x + side / 2, y + side / 2];
  context.beginPath();
  context.moveTo(cx - arm, cy);
  context.lineTo(cx + arm, cy);
  context.moveTo(cx, cy - arm);
  context.lineTo(cx, cy + arm);
  context.stroke();
}

/** How a channel is drawn; `wanted`: whether the user wants it on, null where nothing was switched by hand. */
export function stateOf({ fate }: ChannelView, prunable: boolean, wanted: boolean | null = null): CellState {
  const on = fate === 'kept' || fate === 'regrown';
  if (wanted !== null && wanted !== on) return wanted ? 'switchedOn' : 'switchedOff';
  return fate === 'kept' && !prunable ? 'fixed' : fate;
}

/** How a layer's cells lie in a given width: as large as fits up to `largest`, in lines when even small ones do not. */
export interface CellLayout {
  readonly size: number;
  readonly perLine: number;
  readonly lines: number;
}

const SMALLEST = 5;

export function layOutCells(channels: number, width: number, largest: number): CellLayout {
  const size = Math.max(SMALLEST, Math.min(largest, Math.floor(width / channels)));
  const perLine = Math.max(1, Math.floor(width / size));
  return { size, perLine, lines: Math.ceil(channels / perLine) };
}

/** Channel under a point, or null. */
export function cellAt({ size, perLine }: CellLayout, channels: number, x: number, y: number): number | null {
  const column = Math.floor(x / size);
  const index = Math.floor(y / size) * perLine + column;
  return column >= 0 && column < perLine && y >= 0 && index < channels ? index : null;
}
