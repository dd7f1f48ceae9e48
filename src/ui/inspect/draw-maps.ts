import type { CellLayout } from '../canvas/cells.ts';
import { type Range, paint } from './colour-scale.ts';
import type { LayerMaps } from './layer-maps.ts';

/** Pixels between two maps. */
const GAP = 2;

/** Draws a layer's maps, each at its original channel's place; pruned ones are empty and hatched. */
export function drawMaps(
  context: CanvasRenderingContext2D,
  { width, height, values, kept, channels }: LayerMaps,
  { size, perLine }: CellLayout,
  range: Range,
  hatching: string,
): void {
  // All maps side by side, one pixel a value; then each is enlarged into its cell.
  const sheet = new OffscreenCanvas(Math.max(1, width * kept), Math.max(1, height));
  const image = new ImageData(sheet.width, sheet.height);
  const row = sheet.width;
  channels.forEach((channel) => {
    if (!channel) return;
    const { place } = channel;
    paint(
      values,
      { first: place, stride: kept, count: width * height },
      range,
      image.data,
      (i) => Math.floor(i / width) * row + place * width + (i % width),
    );
  });
  sheet.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  const side = size - GAP;
  channels.forEach((channel, index) => {
    const [x, y] = [(index % perLine) * size, Math.floor(index / perLine) * size];
    if (channel) context.drawImage(sheet, channel.place * width, 0, width, height, x, y, side, side);
    else hatch(context, x, y, side, hatching);
  });
}

function hatch(context: CanvasRenderingContext2D, x: number, y: number, side: number, colour: string): void {
  context.save();
  context.strokeStyle = colour;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, side - 1, side - 1);
  context.beginPath();
  context.rect(x, y, side, side);
  context.clip();
  context.beginPath();
  for (let at = 6; at < 2 * side; at += 6) {
    context.moveTo(x + at, y);
    context.lineTo(x, y + at);
  }
  context.stroke();
  context.restore();
}
