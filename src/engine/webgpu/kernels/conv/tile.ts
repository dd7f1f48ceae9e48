import { WORKGROUP, ZERO_VEC4S } from '../../kernel.ts';

/**
 * What one thread of a convolution holds in registers: `pixels` neighbouring pixels of one output row by `vectors` vec4
 * of output channels.
 */
export interface Tile {
  readonly pixels: number;
  readonly vectors: number;
  /**
   * Input channels taken at a time. One keeps the loop's machine code small enough for the instruction cache of a CPU
   * (software adapters spell every load out, lane by lane); four make one wide load of each pixel (GPUs).
   */
  readonly channels: 1 | 4;
  /** Weights are loaded once in four neighbouring threads and handed round (`quadBroadcast`). */
  readonly quads: boolean;
  /** Work-groups of a single quad: for layers with few tiles, which would leave most of a larger group idle. */
  readonly narrow?: boolean;
}

const QUAD = 4;
/** Threads in a tile's work-groups. */
export const groupThreads = ({ narrow = false }: Tile): number => (narrow ? QUAD : WORKGROUP);

export const tileLabel = ({ pixels, vectors, channels, quads, narrow = false }: Tile): string =>
  `${pixels}x${vectors * 4}c${channels}${quads ? 'q' : ''}${narrow ? 'n' : ''}`;

/** Lines of WGSL for 0 to count - 1. */
export const times = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Buffers of every convolution that makes activations (or their gradients) in tiles. */
export const CONV_BUFFERS = {
  source: ['read', 'array<Stored>'],
  weights: ['read', 'array<vec4f>'],
  /**
   * With `moments` the running means [outVectors], pivots of the sums; with `affine` scale and shift [2, outVectors] of
   * the folded batch norm; else unused.
   */
  perChannel: ['read', 'array<vec4f>'],
  /** With `affine` 2 what is added after the norm, in the output's shape; else unused. */
  added: ['read', 'array<Stored>'],
  output: ['write', 'array<Stored>'],
  /** [parts, 2, outVectors]: sums of (value - pivot) and of its square; written when `moments` is 1. */
  partials: ['write', 'array<vec4f>'],
} as const;
export type ConvBuffer = keyof typeof CONV_BUFFERS;

/** Shape fields that `storeTile` reads. `activation`: 0 none, 1 ReLU, 2 ReLU6 (with `affine` only). */
export const STORE_FIELDS = ['accumulate', 'moments', 'parts', 'affine', 'activation'] as const;
export type StoreField = (typeof STORE_FIELDS)[number];
/** Plain results. */
export const PLAIN_STORE: Readonly<Record<StoreField, number>> = {
  accumulate: 0,
  moments: 0,
  parts: 0,
  affine: 0,
  activation: 0,
};

/** The buffers with the source as the tile reads it: scalars or vec4s. */
export const convBuffers = ({ channels }: Tile): typeof CONV_BUFFERS =>
  channels === 4
    ? CONV_BUFFERS
    : ({ ...CONV_BUFFERS, source: ['read', 'array<StoredScalar>'] } as unknown as typeof CONV_BUFFERS);

/** Loads the source at `at`, as f32: a scalar or a vec4. */
export const loadSource = ({ channels }: Tile, at: string): string =>
  channels === 1 ? `f32(source[${at}])` : `vec4f(source[${at}])`;

/** Entry point: lanes of a quad are neighbours along x, so a quad shares its block of output channels. */
export const convHead = (tile: Tile): string => `
@compute @workgroup_size(${groupThreads(tile)})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(workgroup_id) group: vec3u${
  tile.quads ? ', @builtin(subgroup_invocation_id) subgroupLane: u32' : ''
}) {
  ${tile.quads ? 'let lane = subgroupLane & 3u;' : ''}
  let outVectors = shape.outVectors;
  let inVectors = shape.inVectors;`;

export const declareAccumulators = (tile: Tile): string =>
  times(tile.pixels, (p) => times(tile.vectors, (v) => `var a${p}_${v} = vec4f(0);`));

/**
 * Address of input pixel (iy, ix) of `image`, in units of the tile's loads, or the zero region when it is padding.
 * Conditions are combined without short circuits (a negative index is a huge u32): branches here make SwiftShader
 * compile ten times longer. Needs `rowInside`.
 */
export const pixelAddress = (tile: Tile, ix: string): string =>
  `select(0u, (${ZERO_VEC4S}u + u32((i32(image) * i32(shape.inHeight) + iy) * i32(shape.inWidth) + ${ix}) * inVectors),
    rowInside & (u32(${ix}) < shape.inWidth))${tile.channels === 1 ? ' * 4u' : ''}`;

/** The same in a line of pixels: pixel `i` of line `sourceLine`. Needs `lineInside` and `channel`. */
export const linePixelAddress = (tile: Tile, i: string): string => {
  const pixel = `u32(i32(image * shape.inAcross * shape.inAlong) + sourceLine * i32(shape.inLine) + ${i} * i32(shape.inStep))`;
  const inside = `lineInside & (u32(${i}) < shape.inAlong)`;
  // Padding reads the zero region from its start: it is as long as the widest layer.
  return tile.channels === 1
    ? `select(0u, (${ZERO_VEC4S}u + ${pixel} * inVectors) * 4u, ${inside}) + channel`
    : `select(0u, ${ZERO_VEC4S}u + ${pixel} * inVectors, ${inside}) + channel / 4u`;
};

/**
 * The weights that one turn of the channel loop needs: `taps` taps by the tile's channels by its vectors.
 * `prepare` stands before the loops (with quads: where this lane's share lies, relative to the turn's first weight);
 * `load` makes `w<tap>_<channel>_<vector>`. `tapStride` and `rowStride` are in vec4s.
 */
export function weightLoads(
  tile: Tile,
  taps: number,
  strides: { readonly tap: string; readonly row: string },
): { readonly prepare: string; load(first: string): string } {
  const { vectors, channels, quads } = tile;
  const count = taps * channels * vectors;
  const name = (index: number): string =>
    `w${Math.floor(index / (channels * vectors))}_${Math.floor(index / vectors) % channels}_${index % vectors}`;
  if (!quads) {
    const offset = (index: number): string =>
      `${Math.floor(index / (channels * vectors))}u * ${strides.tap} + ${Math.floor(index / vectors) % channels}u * ${strides.row} + ${index % vectors}u`;
    return {
      prepare: '',
      load: (first) =>
        `let turn = ${first};` + times(count, (index) => `let ${name(index)} = weights[turn + ${offset(index)}];`),
    };
  }
  const loads = Math.ceil(count / 4);
  return {
    prepare: times(
      loads,
      (k) => `let share${k} = min(lane + ${k * 4}u, ${count - 1}u);
      let offset${k} = (share${k} / ${channels * vectors}u) * ${strides.tap}
        + ((share${k} / ${vectors}u) % ${channels}u) * ${strides.row} + share${k} % ${vectors}u;`,
    ),
    load: (first) =>
      // Named once: software adapters do not share common terms.
      `let turn = ${first};` +
      times(loads, (k) => `let own${k} = weights[turn + offset${k}];`) +
      times(count, (index) => `let ${name(index)} = quadBroadcast(own${Math.floor(index / 4)}, ${index % 4}u);`),
  };
}

/**
 * Adds the products of pixel `p`: `xs` names the loaded input of each tap, null where the tap has none. One nested
 * expression, so that an accumulator is written once a turn (software adapters mask every write to a variable).
 */
export const multiplyAdd = (tile: Tile, p: number, xs: readonly (string | null)[]): string =>
  times(tile.vectors, (v) => {
    const terms = xs.flatMap((x, tap) =>
      x === null
        ? []
        : Array.from(
            { length: tile.channels },
            (_, r) => [tile.channels === 1 ? x : `${x}[${r}]`, `w${tap}_${r}_${v}`] as const,
          ),
    );
    return `a${p}_${v} = ${terms.reduce((sum, [x, w]) => `fma(vec4f(${x}), ${w}, ${sum})`, `a${p}_${v}`)};`;
  });

/** Where a tile's results go: whether pixel `p` exists, its index in the output, and the vectors of its block. */
export interface Target {
  valid(p: number): string;
  pixel(p: number): string;
  readonly vector: string;
  /** One past the last vector that may be written; default the output's. */
  readonly end?: string;
}

/**
 * Writes (or adds) the accumulators where pixel and channel exist. In training the moments of what was written follow for
 * the batch norm behind: a part for each thread, or for each quad. In evaluation the folded batch norm, the addition and
 * the activation are applied before writing.
 */
export function storeTile(tile: Tile, target: Target): string {
  const { pixels, vectors, quads } = tile;
  const { vector, end = 'outVectors' } = target;
  const each = (line: (p: number, v: number) => string): string =>
    times(pixels, (p) => times(vectors, (v) => line(p, v)));
  const overQuad = (value: string): string =>
    `((quadBroadcast(${value}, 0u) + quadBroadcast(${value}, 1u)) + (quadBroadcast(${value}, 2u) + quadBroadcast(${value}, 3u)))`;
  const moments = times(vectors, (v) => {
    const sum = (term: (p: number) => string): string => Array.from({ length: pixels }, (_, p) => term(p)).join(' + ');
    return `let pivot${v} = perChannel[min(${vector} + ${v}u, outVectors - 1u)];
      ${times(pixels, (p) => `let d${p}_${v} = select(vec4f(0), a${p}_${v} - pivot${v}, exists${p});`)}
      let sum${v} = ${sum((p) => `d${p}_${v}`)};
      let squares${v} = ${sum((p) => `d${p}_${v} * d${p}_${v}`)};
      let sums${v} = ${quads ? overQuad(`sum${v}`) : `sum${v}`};
      let squareSums${v} = ${quads ? overQuad(`squares${v}`) : `squares${v}`};
      if (part < shape.parts ${quads ? '&& lane == 0u' : ''} && ${vector} + ${v}u < ${end}) {
        partials[part * 2u * outVectors + ${vector} + ${v}u] = sums${v};
        partials[(part * 2u + 1u) * outVectors + ${vector} + ${v}u] = squareSums${v};
      }`;
  });
  // Loops of no or one turn: software adapters run both sides of a condition, with lanes masked, but skip an empty loop.
  const when = (count: string, body: string): string => `for (var once = 0u; once < ${count}; once++) { ${body} }`;
  return `
  ${times(pixels, (p) => `let exists${p} = ${target.valid(p)}; let at${p} = (${target.pixel(p)}) * outVectors + ${vector};`)}
  ${when(
    'shape.accumulate',
    each((p, v) => `a${p}_${v} += vec4f(output[select(0u, at${p} + ${v}u, exists${p})]);`),
  )}
  ${when(
    'min(shape.affine, 1u)',
    `${times(
      vectors,
      (v) => `let scale${v} = perChannel[min(${vector} + ${v}u, outVectors - 1u)];
      let shift${v} = perChannel[min(${vector} + ${v}u, outVectors - 1u) + outVectors];`,
    )}
    ${each((p, v) => `a${p}_${v} = fma(a${p}_${v}, scale${v}, shift${v});`)}
    ${when(
      'shape.affine - 1u',
      each((p, v) => `a${p}_${v} += vec4f(added[select(0u, at${p} + ${v}u, exists${p})]);`),
    )}
    let lowest = vec4f(select(-3.4e38, 0.0, shape.activation != 0u));
    let highest = vec4f(select(3.4e38, 6.0, shape.activation == 2u));
    ${each((p, v) => `a${p}_${v} = clamp(a${p}_${v}, lowest, highest);`)}`,
  )}
  ${each((p, v) => `if (exists${p} && ${vector} + ${v}u < ${end}) { output[at${p} + ${v}u] = Stored(a${p}_${v}); }`)}
  ${when('shape.moments', `let part = id.x${quads ? ' / 4u' : ''}; ${moments}`)}`;
}

/** Parts into which `storeTile` splits the moments of `tiles` tiles. */
export const momentParts = (tile: Tile, tiles: number): number => (tile.quads ? Math.ceil(tiles / 4) : tiles);
