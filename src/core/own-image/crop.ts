/** Pixels to a side of an image that networks see. */
export const SIDE = 32;

/** A square of an image: its upper left corner and its side, in whole pixels. */
export interface Crop {
  readonly x: number;
  readonly y: number;
  readonly size: number;
}

/** The square nearest to the one wished for that lies in the image; without a wish the largest one, centred. */
export function cropOf(width: number, height: number, wish?: Crop): Crop {
  const largest = Math.min(width, height);
  const within = (value: number, least: number, most: number): number =>
    Math.min(most, Math.max(least, Math.round(value)));
  if (!wish || ![wish.x, wish.y, wish.size].every(Number.isFinite)) {
    return { x: Math.floor((width - largest) / 2), y: Math.floor((height - largest) / 2), size: largest };
  }
  const size = within(wish.size, 1, largest);
  return { x: within(wish.x, 0, width - size), y: within(wish.y, 0, height - size), size };
}

/** Rows of a square's pixels, from `first` to before `end`, that one row of the scaled image is made of. */
export const rowsOf = (row: number, size: number): { readonly first: number; readonly end: number } => ({
  first: Math.floor((row * size) / SIDE),
  end: Math.max(Math.floor((row * size) / SIDE) + 1, Math.ceil(((row + 1) * size) / SIDE)),
});

/**
 * One row of a square scaled to 32 x 32: each pixel is the mean of the area that it covers, over white where that is
 * transparent, of the values as they are stored (gamma and all, as the pictures of CIFAR-10 were made). `pixels`: RGBA of
 * the rows that `rowsOf` says, `size` pixels each, colours not multiplied by alpha; `out`: 96 bytes, RGB.
 */
export function scaleRow(pixels: ArrayLike<number>, row: number, size: number, out: Uint8Array): void {
  const { first, end } = rowsOf(row, size);
  const heights = overlaps(row, first, end, size);
  for (let column = 0; column < SIDE; column++) {
    const across = rowsOf(column, size);
    const widths = overlaps(column, across.first, across.end, size);
    const sum = [0, 0, 0];
    let area = 0;
    heights.forEach((height, y) => {
      widths.forEach((width, x) => {
        const at = 4 * (y * size + across.first + x);
        const alpha = (pixels[at + 3] ?? 0) / 255;
        const weight = height * width;
        area += weight;
        for (let c = 0; c < 3; c++) {
          const over = (pixels[at + c] ?? 0) * alpha + 255 * (1 - alpha);
          sum[c] = (sum[c] ?? 0) + weight * over;
        }
      });
    });
    sum.forEach((value, c) => (out[3 * column + c] = Math.round(value / area)));
  }
}

/** How much of each of the source lines from `first` to before `end` a line of the scaled image covers, times 32. */
function overlaps(line: number, first: number, end: number, size: number): number[] {
  return Array.from({ length: end - first }, (_, i) => {
    const source = first + i;
    return Math.min((line + 1) * size, (source + 1) * SIDE) - Math.max(line * size, source * SIDE);
  });
}
