import type { Palette } from '../canvas/cells.ts';
import { type LayerPicture, keepsKernel, tapsOf } from './layer-picture.ts';

/** How the kernels of a layer lie: sides in pixels, and the margins for numbers. */
export interface GridLayout {
  /** Side of a tap, and of a kernel with the gap behind it. */
  readonly tap: number;
  readonly cell: number;
  readonly left: number;
  readonly top: number;
  /** Of the whole grid with its margins. */
  readonly width: number;
  readonly height: number;
}

const LEFT = 30;
const TOP = 18;
/** From a `CLEAR` tap on there is a gap between taps. */
const [SMALLEST, READABLE, CLEAR, LARGEST] = [2, 3, 4, 7];

/**
 * Taps as large as fits the width, and the height too unless that makes them small. Where even the smallest do not fit, one
 * scrolls, and they are large enough to tell patterns apart.
 */
export function gridLayout(
  { kernel, inputs, outputs }: LayerPicture['layer'],
  width: number,
  height: number,
): GridLayout {
  const side = (tap: number): number => kernel * tap + (tap >= CLEAR ? 4 : tap > 2 ? 3 : 2);
  const sizes = Array.from({ length: LARGEST - SMALLEST + 1 }, (_, i) => LARGEST - i);
  const wide = sizes.find((tap) => LEFT + inputs * side(tap) <= width) ?? READABLE;
  const high = sizes.find((tap) => TOP + outputs * side(tap) <= height) ?? SMALLEST;
  const tap = Math.min(wide, Math.max(high, CLEAR));
  const cell = side(tap);
  return { tap, cell, left: LEFT, top: TOP, width: LEFT + inputs * cell, height: TOP + outputs * cell };
}

/** Source map under a point of the whole grid, or null. */
export function sourceAt({ left, cell }: GridLayout, inputs: number, x: number): number | null {
  const c = Math.floor((x - left) / cell);
  return c >= 0 && c < inputs ? c : null;
}

export interface KernelColours extends Pick<Palette, 'kept' | 'off' | 'cursor' | 'byHand'> {
  readonly text: string;
  readonly surface: string;
  readonly tile: string;
}

/** The part of a grid that is in sight. */
export interface Window {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Draws the kernels in sight: rows are output maps, columns source maps. A kernel is a tile with its surviving taps on
 * it; a pruned one leaves its place empty, a pruned map is hatched.
 */
export function drawKernels(
  context: CanvasRenderingContext2D,
  picture: LayerPicture,
  layout: GridLayout,
  sight: Window,
  pointed: number | null,
  colours: KernelColours,
): void {
  const { layer, inputs, outputs } = picture;
  const { tap, cell, left, top } = layout;
  const side = layer.kernel * tap;
  const first = (from: number): number => Math.max(0, Math.floor(from / cell));
  const last = (to: number, count: number): number => Math.min(count, Math.ceil(to / cell));
  const [c0, c1] = [first(sight.x), last(sight.x + sight.width - left, layer.inputs)];
  const [d0, d1] = [first(sight.y), last(sight.y + sight.height - top, layer.outputs)];
  const xOf = (c: number): number => left + c * cell - sight.x;
  const yOf = (d: number): number => top + d * cell - sight.y;

  if (pointed !== null) column(context, xOf(pointed), cell, sight, colours, layout, layer.outputs);
  for (let c = c0; c < c1; c++) {
    for (let d = d0; d < d1; d++) {
      const [x, y] = [xOf(c), yOf(d)];
      if (inputs[c] !== true || outputs[d] !== true) {
        hatch(context, x, y, side, colours.off);
        continue;
      }
      if (!keepsKernel(picture, c, d)) continue;
      context.fillStyle = colours.tile;
      context.fillRect(x, y, side, side);
      context.fillStyle = colours.kept;
      const taps = tapsOf(picture, c, d);
      if (taps.length === layer.taps && tap < CLEAR) context.fillRect(x, y, side, side);
      else {
        const inner = tap >= CLEAR ? tap - 1 : tap;
        for (const t of taps) {
          context.fillRect(x + (t % layer.kernel) * tap, y + Math.floor(t / layer.kernel) * tap, inner, inner);
        }
      }
    }
  }
  numbers(context, layout, sight, layer, pointed, colours);
}

/** The whole column of a source map, marked. */
function column(
  context: CanvasRenderingContext2D,
  x: number,
  cell: number,
  sight: Window,
  { byHand }: KernelColours,
  { top }: GridLayout,
  outputs: number,
): void {
  const bottom = Math.min(sight.height, top + outputs * cell - sight.y);
  context.globalAlpha = 0.22;
  context.fillStyle = byHand;
  context.fillRect(x - 1.5, top, cell, bottom - top);
  context.globalAlpha = 1;
  context.strokeStyle = byHand;
  context.lineWidth = 1.5;
  context.strokeRect(x - 1.5, top - 0.5, cell, bottom - top);
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, side: number, colour: string): void {
  context.globalAlpha = side < 14 ? 0.55 : 0.8;
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(x + side * 0.15, y + side * 0.85);
  context.lineTo(x + side * 0.85, y + side * 0.15);
  context.stroke();
  context.globalAlpha = 1;
}

/** Numbers of maps along the two edges, which stay in sight. */
function numbers(
  context: CanvasRenderingContext2D,
  { cell, left, top }: GridLayout,
  sight: Window,
  { inputs, outputs }: LayerPicture['layer'],
  pointed: number | null,
  { surface, text, byHand }: KernelColours,
): void {
  context.fillStyle = surface;
  context.fillRect(0, 0, sight.width, top - 1);
  context.fillRect(0, 0, left - 3, sight.height);
  context.font = "11px 'Inter Variable', system-ui, sans-serif";
  context.textBaseline = 'middle';
  const every = [1, 2, 4, 8, 16, 32, 64].find((step) => step * cell >= 26) ?? 128;
  context.fillStyle = text;
  context.textAlign = 'center';
  for (let c = 0; c < inputs; c += every) {
    const x = left + (c + 0.5) * cell - sight.x - 1;
    const close = pointed !== null && c !== pointed && Math.abs(c - pointed) * cell < 26;
    if (x >= left && x < sight.width - 8 && !close) context.fillText(String(c), x, top / 2 - 1);
  }
  context.textAlign = 'right';
  for (let d = 0; d < outputs; d += every) {
    const y = top + (d + 0.5) * cell - sight.y - 1;
    if (y >= top + 3) context.fillText(String(d), left - 8, y);
  }
  if (pointed === null) return;
  context.fillStyle = byHand;
  context.textAlign = 'center';
  context.font = "650 11px 'Inter Variable', system-ui, sans-serif";
  context.fillText(String(pointed), left + (pointed + 0.5) * cell - sight.x - 1, top / 2 - 1);
}
