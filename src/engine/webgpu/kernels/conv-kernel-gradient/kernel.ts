import {
  type Grid,
  type Kernel,
  MAIN,
  WORKGROUP,
  ZERO_VEC4S,
  defineKernel,
  gridStride,
  groupsFor,
} from '../../kernel.ts';
import { times } from '../conv-forward/kernel.ts';

/**
 * Accumulators of a thread: all `taps` horizontal taps of one kernel row, four input channels, `vectors` vec4 of output
 * channels. With `quads` four neighbouring threads (other input channels or kernel rows) share the loads of the output
 * gradient; `slide` keeps the input columns of 3 taps at stride 1 in registers from pixel to pixel.
 */
export interface GradientTile {
  readonly taps: 1 | 3;
  readonly vectors: number;
  readonly slide: boolean;
  readonly quads: boolean;
}

export type KernelGradientField =
  | 'rows'
  | 'rowsPerPart'
  | 'outHeight'
  | 'outWidth'
  | 'outVectors'
  | 'inHeight'
  | 'inWidth'
  | 'inVectors'
  | 'kernel'
  | 'stride'
  | 'padTop'
  | 'padLeft'
  | 'lanes';

const label = (tile: GradientTile): string =>
  `conv-kernel-gradient ${tile.taps}x${tile.vectors * 4}${tile.slide ? 's' : ''}${tile.quads ? 'q' : ''}`;

/**
 * Kernel gradient as an outer product summed over pixels, split over parts of the rows: `partials` is
 * [parts, kernel, kernel, in, out]. Threads along x are (part, kernel row and input vector), `lanes` of the latter
 * (a multiple of 4, so that quads share a part). Every thread walks the same number of rows; rows that do not exist
 * read the zero region. `input` and `gradient` are bound with their zero regions.
 */
export function convKernelGradient(
  tile: GradientTile,
): Kernel<'source' | 'gradient' | 'partials', KernelGradientField> {
  const shareGradient = tile.quads && tile.vectors > 1;
  // With two vectors lanes 2 and 3 load the same as 0 and 1; only the first two are handed round.
  const loadGradient = shareGradient
    ? `let own = gradient[gradientAt + (lane & ${tile.vectors - 1}u)];
       ${times(tile.vectors, (v) => `let g${v} = quadBroadcast(own, ${v}u);`)}`
    : times(tile.vectors, (v) => `let g${v} = gradient[gradientAt + ${v}u];`);
  const column = (name: string, x: string): string =>
    `let ${name} = source[select(0u, rowAt + u32(${x}) * inVectors, rowInside & (u32(${x}) < shape.inWidth))];`;
  const accumulate = times(tile.taps, (kx) =>
    times(4, (r) =>
      times(tile.vectors, (v) => `a${kx}_${r}_${v} = fma(vec4f(x${kx}[${r}]), g${v}, a${kx}_${r}_${v});`),
    ),
  );
  // The vectors of a block past the last one would read the next pixel: clamped here, never stored.
  const walk = tile.slide
    ? `var x0 = vec4f(0); var x1 = vec4f(0);
       { ${column('first', '(-i32(shape.padLeft))')} ${column('second', '(1 - i32(shape.padLeft))')} x0 = first; x1 = second; }
       for (var ox = 0u; ox < shape.outWidth; ox++) {
         let gradientAt = select(0u, gradientRow + ox * outVectors, rowExists);
         let nextX = i32(ox + 2u) - i32(shape.padLeft);
         ${column('x2', 'nextX')}
         ${loadGradient}
         ${accumulate}
         x0 = x1; x1 = x2;
       }`
    : `for (var ox = 0u; ox < shape.outWidth; ox++) {
         let gradientAt = select(0u, gradientRow + ox * outVectors, rowExists);
         ${times(tile.taps, (kx) => `let ix${kx} = i32(ox * shape.stride + ${kx}u) - i32(shape.padLeft); ${column(`x${kx}`, `ix${kx}`)}`)}
         ${loadGradient}
         ${accumulate}
       }`;
  return defineKernel({
    label: label(tile),
    buffers: {
      source: ['read', 'array<vec4f>'],
      gradient: ['read', 'array<vec4f>'],
      partials: ['write', 'array<vec4f>'],
    },
    shape: [
      'rows',
      'rowsPerPart',
      'outHeight',
      'outWidth',
      'outVectors',
      'inHeight',
      'inWidth',
      'inVectors',
      'kernel',
      'stride',
      'padTop',
      'padLeft',
      'lanes',
    ],
    subgroups: shareGradient,
    body: `
@compute @workgroup_size(${WORKGROUP})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${
      shareGradient ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''
    }) {
  ${shareGradient ? 'let lane = subgroupLane & 3u;' : ''}
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;
  let block = group.y * ${tile.vectors}u;
  let part = id.x / shape.lanes;
  let unit = id.x % shape.lanes;
  let ky = unit / inVectors;
  let c = unit % inVectors;
  ${times(tile.taps, (kx) => times(4, (r) => times(tile.vectors, (v) => `var a${kx}_${r}_${v} = vec4f(0);`)))}
  for (var i = 0u; i < shape.rowsPerPart; i++) {
    let row = part * shape.rowsPerPart + i;
    // The same in all threads of a quad: they share the loads of the gradient.
    let rowExists = row < shape.rows;
    let iy = i32((row % shape.outHeight) * shape.stride + ky) - i32(shape.padTop);
    let rowInside = rowExists & (ky < shape.kernel) & (u32(iy) < shape.inHeight);
    let rowAt = ${ZERO_VEC4S}u
      + u32((i32(row / shape.outHeight) * i32(shape.inHeight) + iy) * i32(shape.inWidth)) * inVectors + c;
    let gradientRow = ${ZERO_VEC4S}u + row * shape.outWidth * outVectors + block;
    ${walk}
  }
  let parts = (shape.rows + shape.rowsPerPart - 1u) / shape.rowsPerPart;
  if (part < parts && ky < shape.kernel) {
    let size = shape.kernel * shape.kernel * inVectors * 4u * outVectors;
    ${times(tile.taps, (kx) =>
      times(4, (r) => {
        const at = `part * size + (((ky * shape.kernel + ${kx}u) * inVectors + c) * 4u + ${r}u) * outVectors + block`;
        return times(
          tile.vectors,
          (v) => `if (block + ${v}u < outVectors) { partials[${at} + ${v}u] = a${kx}_${r}_${v}; }`,
        );
      }),
    )}
  }
}`,
  });
}

/** How the rows of a layer are split: fixed by the shape alone, so the order of summation is reproducible. */
export interface Split {
  readonly parts: number;
  readonly rowsPerPart: number;
  readonly lanes: number;
}

/** Splits so that about `threads` threads work, each on at least one row. */
export function splitRows(
  rows: number,
  shape: { kernel: number; inVectors: number; outVectors: number; vectors: number },
  threads: number,
): Split {
  const lanes = Math.ceil((shape.kernel * shape.inVectors) / 4) * 4;
  const wanted = Math.ceil(threads / (lanes * Math.ceil(shape.outVectors / shape.vectors)));
  const rowsPerPart = Math.max(1, Math.ceil(rows / Math.min(Math.max(wanted, 1), rows)));
  return { parts: Math.ceil(rows / rowsPerPart), rowsPerPart, lanes };
}

export function kernelGradientGrid(split: Split, outVectors: number, vectors: number): Grid {
  return [groupsFor(split.parts * split.lanes), Math.ceil(outVectors / vectors), 1];
}

/** Sums the parts in order: partials [parts, size] to gradient [size]. One thread a vec4. */
export const sumParts = defineKernel({
  label: 'sum-parts',
  buffers: { partials: ['read', 'array<vec4f>'], sums: ['write', 'array<vec4f>'] },
  shape: ['size', 'parts'],
  body: `${MAIN} {
  ${gridStride('i', 'shape.size')} {
    var sum = vec4f(0);
    for (var part = 0u; part < shape.parts; part++) { sum += partials[part * shape.size + i]; }
    sums[i] = sum;
  }
}`,
});
