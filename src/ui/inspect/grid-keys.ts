import type { CellLayout } from '../canvas/cells.ts';

/** The smallest side of a map that can still be read, for large maps and for those of 8x8 pixels or fewer. */
const [SMALLEST, SMALLEST_COARSE, LARGEST] = [26, 16, 56];

/** How a layer's maps lie: as large as fits one line, in lines where even small ones do not. */
export function layOutMaps(channels: number, pixels: number, width: number): CellLayout {
  const least = pixels <= 8 ? SMALLEST_COARSE : SMALLEST;
  const size = Math.max(least, Math.min(LARGEST, Math.floor(width / Math.max(1, channels))));
  const perLine = Math.max(1, Math.floor(width / size));
  return { size, perLine, lines: Math.ceil(channels / perLine) };
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
