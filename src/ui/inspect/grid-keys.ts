import type { CellLayout } from '../canvas/cells.ts';

const LARGEST = 76;

/** How large a map should at least be: the smaller, the more there are, and the fewer pixels they have. */
function wantedSize(channels: number, pixels: number): number {
  if (channels > 256) return 16;
  if (channels > 64) return pixels > 8 ? 30 : 22;
  return pixels > 8 ? 44 : 30;
}

/** How a layer's maps lie: on as few lines as they need for their size, and then as large as fits. */
export function layOutMaps(channels: number, pixels: number, width: number): CellLayout {
  const most = Math.max(1, Math.floor(width / wantedSize(channels, pixels)));
  const lines = Math.ceil(channels / most);
  const perLine = Math.max(1, Math.ceil(channels / Math.max(1, lines)));
  return { size: Math.min(LARGEST, Math.floor(width / perLine)), perLine, lines };
}

/** Where a key takes the mark among `count` cells in lines (null: none is marked); null for any other key. */
export function cellByKey(key: string, marked: number | null, perLine: number, count: number): number | null {
  if (count === 0) return null;
  if (key === 'Home') return 0;
  if (key === 'End') return count - 1;
  const by: Readonly<Record<string, number>> = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: perLine, ArrowUp: -perLine };
  const move = by[key];
  if (move === undefined) return null;
  if (marked === null) return 0;
  const to = marked + move;
  return to >= 0 && to < count ? to : marked;
}
