/**
 * Viridis (matplotlib; perceptually even, safe for colour-blind readers and in grey), at sixteenths of the scale; what
 * lies between is interpolated.
 */
const VIRIDIS = [
  [68, 1, 84],
  [72, 24, 106],
  [71, 45, 123],
  [66, 64, 134],
  [59, 82, 139],
  [51, 99, 141],
  [44, 114, 142],
  [38, 130, 142],
  [33, 145, 140],
  [31, 160, 136],
  [40, 174, 128],
  [63, 188, 115],
  [94, 201, 98],
  [132, 212, 75],
  [173, 220, 48],
  [216, 226, 25],
  [253, 231, 37],
] as const;

const LAST = VIRIDIS.length - 1;

export type Rgb = readonly [red: number, green: number, blue: number];

/** The colour of a place on the scale, 0 to 1; what lies outside has the colour of the end, what is no number that of 0. */
export function viridis(place: number): Rgb {
  const at = Math.min(1, Math.max(0, place || 0)) * LAST;
  const first = Math.min(LAST - 1, Math.floor(at));
  const [low, high] = [VIRIDIS[first] ?? VIRIDIS[0], VIRIDIS[first + 1] ?? VIRIDIS[16]];
  const mix = (colour: 0 | 1 | 2): number => Math.round(low[colour] + (high[colour] - low[colour]) * (at - first));
  return [mix(0), mix(1), mix(2)];
}

/** The scale from left to right, for a legend. */
export const VIRIDIS_GRADIENT = `linear-gradient(to right, ${VIRIDIS.map((rgb) => `rgb(${rgb.join(' ')})`).join(', ')})`;

/** What values are drawn between. */
export interface Range {
  readonly least: number;
  readonly most: number;
}

/** 256 colours of the scale as RGBA bytes. */
const TABLE = new Uint8ClampedArray(Array.from({ length: 256 }, (_, i) => [...viridis(i / 255), 255]).flat());

/** Writes the colours of values (every `stride`-th from `first` on) to RGBA `pixels`, from the pixel `to` on. */
export function paint(
  values: Float32Array,
  { first, stride, count }: { readonly first: number; readonly stride: number; readonly count: number },
  { least, most }: Range,
  pixels: Uint8ClampedArray,
  to: (position: number) => number,
): void {
  const scale = most > least ? 255 / (most - least) : 0;
  for (let i = 0; i < count; i++) {
    const value = ((values[first + i * stride] ?? 0) - least) * scale;
    const colour = 4 * Math.round(Math.min(255, Math.max(0, value || 0)));
    const at = 4 * to(i);
    for (let byte = 0; byte < 4; byte++) pixels[at + byte] = TABLE[colour + byte] ?? 255;
  }
}
