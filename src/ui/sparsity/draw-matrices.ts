import { type LayerPicture, keepsWeight } from './layer-picture.ts';
import type { KernelColours } from './draw-kernels.ts';

/** Sides of what is left and what leaves, along one edge of a matrix. */
export interface Edge {
  /** Where each entry begins in pixels, and one end more: entry i reaches from `at[i]` to `at[i + 1]`. */
  readonly at: readonly number[];
  readonly end: number;
}

/** Entries of equal size that fill `length`; those that leave shrink to nothing as `closed` goes from 0 to 1. */
export function edgeOf(kept: readonly boolean[], length: number, closed: number): Edge {
  const size = length / Math.max(1, kept.length);
  const at = [0];
  for (const stays of kept) at.push((at.at(-1) ?? 0) + (stays ? size : size * (1 - closed)));
  return { at, end: at.at(-1) ?? 0 };
}

/** Source maps whose rows are drawn: from `first` on, so many. */
export interface Extract {
  readonly first: number;
  readonly count: number;
}

/** Source maps that fit with columns and rows of at least these sides. */
const [LEAST_COLUMN, LEAST_ROW] = [3, 2];

export const fitting = ({ inputs, taps }: LayerPicture['layer'], width: number, height: number): number =>
  Math.max(1, Math.min(inputs, Math.floor(width / (taps * LEAST_COLUMN)), Math.floor(height / (taps * LEAST_ROW))));

/** The entries of `rows` (by source map and tap) that belong to the extract. */
export const extracted = (rows: readonly boolean[], { first, count }: Extract, taps: number): readonly boolean[] =>
  rows.slice(first * taps, (first + count) * taps);

interface Drawing {
  readonly picture: LayerPicture;
  readonly extract: Extract;
  /** Rows of the lowered feature maps that stay, of the whole layer. */
  readonly rows: readonly boolean[];
  readonly closed: number;
  readonly pointed: number | null;
  readonly colours: KernelColours;
}

/** Output maps from top to bottom, rows of the lowered feature maps as columns: grey what leaves, blank what is zero. */
export function drawKernelMatrix(
  context: CanvasRenderingContext2D,
  { picture, extract, rows, closed, pointed, colours }: Drawing,
  width: number,
  height: number,
): void {
  const { taps } = picture.layer;
  const stays = extracted(rows, extract, taps);
  const columns = edgeOf(stays, width, closed);
  const lines = edgeOf(picture.outputs, height, closed);
  frame(context, width, height, colours);
  context.fillStyle = colours.tile;
  context.fillRect(0, 0, columns.end, lines.end);
  stays.forEach((kept, i) => {
    const c = extract.first + Math.floor(i / taps);
    const [x, wide] = span(columns, i);
    if (wide <= 0 || !kept) return;
    // In runs down the column, of which there are few where all kernels of a source map share their taps.
    const alike = (d: number): boolean | null => (picture.outputs[d] ? keepsWeight(picture, c, d, i % taps) : null);
    for (let d = 0, from = 0; d < picture.outputs.length; from = d) {
      const weight = alike(from);
      while (d < picture.outputs.length && alike(d) === weight) d++;
      if (weight === null) continue;
      context.fillStyle = weight ? colours.kept : colours.surface;
      context.globalAlpha = weight && c % 2 === 1 ? 0.72 : 1;
      const y = lines.at[from] ?? 0;
      context.fillRect(x, y, wide, (lines.at[d] ?? 0) - y);
    }
  });
  context.globalAlpha = 1;
  if (pointed !== null) mark(context, columns, pointed, extract, taps, colours, (at, long) => [at, 0, long, lines.end]);
}

/** Rows (source map and tap) from top to bottom; positions of the output from left to right never leave. */
export function drawMapMatrix(
  context: CanvasRenderingContext2D,
  { picture, extract, rows, closed, pointed, colours }: Drawing,
  width: number,
  height: number,
): void {
  const { taps } = picture.layer;
  const stays = extracted(rows, extract, taps);
  const lines = edgeOf(stays, height, closed);
  frame(context, width, height, colours);
  context.fillStyle = colours.tile;
  context.fillRect(0, 0, width, lines.end);
  stays.forEach((kept, i) => {
    const c = extract.first + Math.floor(i / taps);
    const [y, high] = span(lines, i);
    if (!kept || high <= 0) return;
    context.fillStyle = colours.byHand;
    context.globalAlpha = c % 2 === 0 ? 1 : 0.72;
    context.fillRect(0, y, width, high);
  });
  context.globalAlpha = 1;
  if (pointed !== null) mark(context, lines, pointed, extract, taps, colours, (at, long) => [0, at, width, long]);
}

/** Start and drawn size of an entry: a hair narrower than its place where there is room, so that neighbours show. */
function span({ at }: Edge, i: number): readonly [number, number] {
  const [from, to] = [at[i] ?? 0, at[i + 1] ?? 0];
  const size = to - from;
  return [from, size > 2.5 ? size - 0.75 : size];
}

/** Where the dense matrix reached. */
function frame(context: CanvasRenderingContext2D, width: number, height: number, { off }: KernelColours): void {
  context.strokeStyle = off;
  context.lineWidth = 1;
  context.setLineDash([3, 3]);
  context.strokeRect(0.5, 0.5, width - 1, height - 1);
  context.setLineDash([]);
}

function mark(
  context: CanvasRenderingContext2D,
  { at }: Edge,
  pointed: number,
  { first, count }: Extract,
  taps: number,
  { cursor }: KernelColours,
  box: (at: number, long: number) => readonly [number, number, number, number],
): void {
  const from = (pointed - first) * taps;
  if (pointed < first || pointed >= first + count) return;
  const [start, end] = [at[from] ?? 0, at[from + taps] ?? 0];
  const [x, y, w, h] = box(start, end - start);
  context.strokeStyle = cursor;
  context.lineWidth = 1.5;
  context.strokeRect(x + 0.5, y + 0.5, Math.max(1, w - 1), Math.max(1, h - 1));
}

/** Source map under a place along an edge; null outside. */
export function sourceUnder({ at }: Edge, place: number, { first }: Extract, taps: number): number | null {
  const i = at.findIndex((from, index) => from <= place && place < (at[index + 1] ?? -Infinity));
  return i < 0 ? null : first + Math.floor(i / taps);
}
