import type { LayerView } from '../../core/events/view.ts';
import { type CellLayout, type CellState, drawCell, stateOf } from '../canvas/cells.ts';
import type { Box, Pen } from './pen.ts';
import type { PicturedRun } from './picture.ts';

const HEAD = 44;
const LEGEND = 34;
const COUNT = 76;
const LARGEST = 28;
const LARGEST_ROW = 84;

const WORDS: Partial<Record<CellState, string>> = {
  kept: 'kept',
  off: 'pruned',
  pruned: 'just pruned',
  regrown: 'just regrown',
  fixed: 'never pruned',
};

/** The channels of a run: a row a layer, a cell a channel, as on the page. */
export function drawMap(pen: Pen, box: Box, { lane, view }: PicturedRun, racing: boolean): void {
  const { ink, context } = pen;
  const heading = { size: 22, weight: 600, colour: ink.text };
  const after = box.x + pen.text(racing ? 'Channels of' : 'Channels', box.x, box.y + 18, heading);
  if (racing) {
    pen.swatch(lane.colour, after + 10, box.y + 11, 36);
    const within = box.x + box.width - after - 56;
    pen.text(lane.spec.name, after + 56, box.y + 18, { ...heading, within });
  }

  const states = new Set(
    view.layers.flatMap(({ channels, prunable }) => channels.map((channel) => stateOf(channel, prunable))),
  );
  let x = box.x;
  for (const [state, word] of Object.entries(WORDS) as [CellState, string][]) {
    if (!states.has(state)) continue;
    drawCell(context, state, x, box.y + box.height - 18, 20, 1, ink.cells);
    x += 26 + pen.text(word, x + 26, box.y + box.height - 2, { size: 17, colour: ink.muted }) + 22;
  }

  const names = nameWidth(pen, view.layers);
  const room = { width: box.width - names - COUNT, height: box.height - HEAD - LEGEND };
  const rows = layOutRows(
    view.layers.map(({ total }) => total),
    room,
  );
  const size = Math.min(18, (rows[0]?.height ?? 0) * 0.95);
  // Names of rows that are too low for a text are left out, but for the first of a few.
  const legible = size >= 9;
  const every = legible ? 1 : Math.ceil(14 / Math.max(1, rows[0]?.height ?? 1));
  view.layers.forEach((layer, index) => {
    const row = rows[index];
    if (!row) return;
    const top = box.y + HEAD + row.y;
    const { layout } = row;
    const cells = top + (row.height - layout.lines * layout.size) / 2;
    layer.channels.forEach((channel, place) => {
      const left = box.x + names + (place % layout.perLine) * layout.size;
      const down = cells + Math.floor(place / layout.perLine) * layout.size;
      drawCell(context, stateOf(channel, layer.prunable), left, down, layout.size, 1, ink.cells);
    });
    if (index % every !== 0) return;
    const text = { size: legible ? size : 11, colour: ink.muted };
    const base = top + row.height / 2 + text.size * 0.36;
    pen.text(layer.layer, box.x, base, { ...text, within: names - 12 });
    const right = box.x + box.width;
    pen.text(`${layer.kept}/${layer.total}`, right, base, { ...text, colour: ink.text, align: 'right' });
  });
}

function nameWidth({ context }: Pen, layers: readonly LayerView[]): number {
  context.font = '400 17px sans-serif';
  const longest = Math.max(0, ...layers.map(({ layer }) => context.measureText(layer).width));
  return Math.min(150, longest + 24);
}

export interface PictureRow {
  readonly y: number;
  readonly height: number;
  readonly layout: CellLayout;
}

/**
 * Rows of cells, one for each width, within a room: cells as large as fit it, rows at least as high as a text where that is
 * possible, spread over the room up to a comfortable height.
 */
export function layOutRows(
  widths: readonly number[],
  room: { readonly width: number; readonly height: number },
): readonly PictureRow[] {
  const layoutsAt = (size: number): CellLayout[] =>
    widths.map((channels) => {
      const perLine = Math.max(1, Math.floor(room.width / size));
      return { size, perLine, lines: Math.ceil(channels / perLine) };
    });
  const heightAt = (size: number): number =>
    layoutsAt(size).reduce((sum, { lines }) => sum + lines * size, 0) + widths.length * gapAt(size);
  let size = LARGEST;
  while (size > 1 && heightAt(size) > room.height) size -= 0.5;
  const layouts = layoutsAt(size);
  const spare = Math.max(0, room.height - heightAt(size)) / Math.max(1, widths.length);
  let y = 0;
  return layouts.map((layout) => {
    const own = layout.lines * size + gapAt(size);
    const height = own + Math.min(spare, Math.max(0, LARGEST_ROW - own));
    const row = { y, height, layout };
    y += height;
    return row;
  });
}

const gapAt = (size: number): number => Math.min(6, size / 3);
