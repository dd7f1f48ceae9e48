import { type Grid, WORKGROUP, groupsFor } from '../../kernel.ts';
import { COMPONENTS, SHARED_BLOCKS, blockVectors, swapped, times } from './tile.ts';

/**
 * What one thread of a kernel gradient holds: outer products of four input channels (for each of its taps) and `vectors`
 * vec4 of output channels, summed over pixels. With `quads` four neighbouring threads (other rows of the kernel) share
 * the loads of the output gradient.
 */
export interface GradientTile {
  readonly vectors: number;
  readonly quads: boolean;
  /** By lines: a work-group stages what it reads in its memory; without quads. Never on a software adapter. */
  readonly shared?: boolean;
}

/** Units side by side in a work-group that shares its memory. */
export const SHARED_UNITS = WORKGROUP / SHARED_BLOCKS;

export const gradientTileLabel = ({ vectors, quads, shared = false }: GradientTile): string =>
  `${vectors * 4}${quads ? 'q' : ''}${shared ? 's' : ''}`;

/** Pixels taken at a time: an accumulator is written once for all of them. */
export const PIXELS = 2;

export const GRADIENT_BUFFERS = {
  source: ['read', 'array<Stored>'],
  gradient: ['read', 'array<Stored>'],
  partials: ['write', 'array<vec4f>'],
} as const;
export type GradientBuffer = keyof typeof GRADIENT_BUFFERS;

/** Threads are (block of output channels, part, unit) in one row, so that only the last work-group is not full. */
export const gradientHead = (tile: GradientTile, parts: string): string => `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u${
  tile.quads ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''
}) {
  ${tile.quads ? 'let lane = subgroupLane & 3u;' : ''}
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;
  let parts = ${parts};
  let item = id.x / shape.lanes;
  let unit = id.x - item * shape.lanes;
  let part = item % parts;
  let block = (item / parts) * ${tile.vectors}u;`;

/**
 * Loads the output gradient of `PIXELS` pixels from `ox` on as `g<pixel>_<vector>`. Needs `gradientLine` (address of the
 * line's first value of this block), `gradientStep` (vec4s from pixel to pixel) and `lineExists`; pixels past the line
 * read zeros. Vectors of a block past the last one
 * read the next pixel; they are never stored. `prepare` stands before the loops: division is dear on software adapters.
 */
export function gradientLoads(tile: GradientTile): { readonly prepare: string; readonly load: string } {
  const { vectors, quads } = tile;
  const at = (pixel: string, vector: string): string =>
    `vec4f(gradient[select(0u, pixelAt + ${pixel} * gradientStep + ${vector}, lineExists & (ox + ${pixel} < shape.outAlong))])`;
  const pixelAt = 'let pixelAt = gradientLine + ox * gradientStep;';
  const all = (line: (pixel: number, v: number) => string): string =>
    times(PIXELS, (pixel) => times(vectors, (v) => line(pixel, v)));
  if (!quads) {
    return { prepare: '', load: pixelAt + all((pixel, v) => `let g${pixel}_${v} = ${at(`${pixel}u`, `${v}u`)};`) };
  }
  const rotation = rotationOf(tile);
  // A lane of a pair loads one pixel; the pair swaps.
  const swapPixels = (by: number, second: string): string => `
      let own = ${at('ownPixel', 'ownVector')};
      let mate = ${swapped('own', by)};
      let g0_0 = select(own, mate, ${second});
      let g1_0 = select(mate, own, ${second});`;
  const swapVectors = all((pixel, v) => (v === 0 ? '' : `let g${pixel}_${v} = ${swapped(`g${pixel}_0`, v)};`));
  const own = (pixel: string): string => `let ownPixel = ${pixel}; let ownVector = ${rotation};`;
  if (vectors === 4) {
    return {
      prepare: own('0u'),
      load: pixelAt + times(PIXELS, (pixel) => `let g${pixel}_0 = ${at(`${pixel}u`, 'ownVector')};`) + swapVectors,
    };
  }
  return vectors === 2
    ? { prepare: own('lane >> 1u'), load: pixelAt + swapPixels(2, 'ownPixel == 1u') + swapVectors }
    : { prepare: own('lane & 1u'), load: pixelAt + swapPixels(1, 'ownPixel == 1u') };
}

/**
 * With quads, lane l keeps vector (v ^ rotation) of its block in the accumulators v (see `rotates` of the convolutions'
 * tiles).
 */
const rotationOf = ({ vectors, quads, shared = false }: GradientTile): string =>
  quads && !shared && vectors > 1 ? `(lane & ${vectors - 1}u)` : '0u';

/**
 * Adds the outer products of the loaded pixels for one tap: `xs` names the input of each pixel (a vec4 of channels). In
 * scalars and with the gradient as the first factor, as `multiplyAdd` has it.
 */
export const addOuter = ({ vectors }: GradientTile, tap: number, xs: readonly string[]): string =>
  times(4, (r) =>
    times(vectors, (v) =>
      COMPONENTS.map((c) => {
        const name = `a${tap}_${r}_${v}${c}`;
        return `${name} = ${xs.reduce((inner, x, pixel) => `fma(g${pixel}_${v}.${c}, ${x}[${r}], ${inner})`, name)};`;
      }).join(' '),
    ),
  );

export const declareOuter = ({ vectors }: GradientTile, taps: number): string =>
  times(taps, (tap) =>
    times(4, (r) => times(vectors, (v) => COMPONENTS.map((c) => `var a${tap}_${r}_${v}${c} = 0.0;`).join(' '))),
  );

/** Writes a tap's sums to `partials` [parts, rows, outVectors], from row `row` of the lowered matrix on. */
export const storeOuter = (tile: GradientTile, tap: number, row: string): string =>
  times(4, (r) =>
    times(
      tile.vectors,
      (v) => `if (block + (${v}u ^ ${rotationOf(tile)}) < outVectors) {
        partials[part * shape.size + (${row} + ${r}u) * outVectors + block + (${v}u ^ ${rotationOf(tile)})] =
          vec4f(${COMPONENTS.map((c) => `a${tap}_${r}_${v}${c}`).join(', ')});
      }`,
    ),
  );

/** How the rows of a layer are split: fixed by the shape alone, so the order of summation is reproducible. */
export interface Split {
  readonly parts: number;
  readonly rowsPerPart: number;
  /** Threads of a part: units padded to a multiple of 4, so that a quad shares its part. */
  readonly lanes: number;
}

/** A layer as `splitRows` counts it: with work-group memory a part has whole work-groups, as wide as their blocks. */
export const splitShape = (tile: GradientTile, units: number, outVectors: number) => ({
  units: tile.shared ? Math.ceil(units / SHARED_UNITS) * WORKGROUP : units,
  outVectors,
  vectors: blockVectors(tile),
});

/** What storing and adding one more part costs a thread, in rows of pixels. */
const PART_ROWS = 2;
/** Parts that are worth trying where threads are few, to fill the work-groups. */
const TRIED_PARTS = 8;

/**
 * Splits `rows` rows of pixels so that about `threads` threads work on `units` units, each on at least one row: of the
 * nearby numbers of parts the one that leaves the fewest threads of a work-group and the fewest rows of a part idle.
 */
export function splitRows(
  rows: number,
  shape: { units: number; outVectors: number; vectors: number },
  threads: number,
): Split {
  const lanes = Math.ceil(shape.units / 4) * 4;
  const blocks = Math.ceil(shape.outVectors / shape.vectors);
  const wanted = Math.min(rows, Math.max(1, threads / (lanes * blocks)));
  const work = (parts: number): number =>
    Math.ceil((parts * lanes * blocks) / WORKGROUP) * WORKGROUP * (Math.ceil(rows / parts) + PART_ROWS);
  let best = Math.min(rows, Math.ceil(wanted));
  for (let parts = Math.ceil(wanted / 1.5); parts <= Math.min(rows, mostParts(wanted)); parts++) {
    if (work(parts) < work(best)) best = parts;
  }
  const rowsPerPart = Math.ceil(rows / best);
  return { parts: Math.ceil(rows / rowsPerPart), rowsPerPart, lanes };
}

/** Most parts that `splitRows` makes where it wants `wanted`. */
export const mostParts = (wanted: number): number => Math.max(1.5 * wanted, TRIED_PARTS);

export function kernelGradientGrid({ parts, lanes }: Split, tile: GradientTile, outVectors: number): Grid {
  const blocks = Math.ceil(outVectors / blockVectors(tile));
  return tile.shared ? [groupsFor(parts * lanes), blocks, 1] : [groupsFor(parts * lanes * blocks), 1, 1];
}
