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
  /** Weights are loaded once in four neighbouring threads and handed round. */
  readonly quads: boolean;
  /** Work-groups of a single quad: for layers with few tiles, which would leave most of a larger group idle. */
  readonly narrow?: boolean;
  /**
   * Convolutions by lines of a whole kernel, for few input channels: one loop in place of two. `channels` is 1. Adds in
   * the same order.
   */
  readonly flat?: boolean;
  /**
   * Convolutions by lines: a work-group stages pixels and weights in its memory. `channels` is 4. Never on a software
   * adapter.
   */
  readonly shared?: boolean;
}

const QUAD = 4;
export const COMPONENTS = ['x', 'y', 'z', 'w'] as const;

/**
 * Accumulators are scalars where a turn takes one channel: SwiftShader works through the components of a vec4 one by one and
 * keeps the sum of each step on the stack, while a chain of scalars stays in a register.
 */
const inScalars = ({ channels, shared = false }: Tile): boolean => channels === 1 && !shared;

/**
 * Whether lane l of a quad keeps vector (v ^ l) of its block in the accumulators v. What the lanes need of each other they
 * then get by swapping, one instruction on SwiftShader, which spells a broadcast out in ten.
 */
const rotates = ({ quads, vectors, shared = false }: Tile): boolean => quads && vectors === QUAD && !shared;

/** WGSL of `value` in lane (own ^ by) of the quad. */
export const swapped = (value: string, by: number): string =>
  by === 0 ? value : `${['', 'quadSwapX', 'quadSwapY', 'quadSwapDiagonal'][by]}(${value})`;

/** Threads in a tile's work-groups. */
export const groupThreads = ({ narrow = false }: Tile): number => (narrow ? QUAD : WORKGROUP);

/** Blocks of output channels side by side in a work-group that shares its memory. */
export const SHARED_BLOCKS = 4;
/** Vec4s of output channels in a block of the table: a tile's, or together a work-group's. */
export const blockVectors = ({ vectors, shared = false }: Pick<Tile, 'vectors' | 'shared'>): number =>
  shared ? SHARED_BLOCKS * vectors : vectors;
/** Tiles of the same block in a work-group of a convolution by lines. */
export const groupTiles = ({ shared = false }: Tile): number => (shared ? WORKGROUP / SHARED_BLOCKS : WORKGROUP);

export const tileLabel = ({ pixels, vectors, channels, quads, narrow, flat, shared }: Tile): string =>
  `${pixels}x${vectors * 4}c${channels}${quads ? 'q' : ''}${narrow ? 'n' : ''}${flat ? 'f' : ''}${shared ? 's' : ''}`;

/** Lines of WGSL for 0 to count - 1. */
export const times = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

/** Buffers of every convolution that makes activations (or their gradients) in tiles. */
const CONV_BUFFERS = {
  source: ['read', 'array<Stored>'],
  weights: ['read', 'array<vec4f>'],
  /**
   * For `moments` the running means [outVectors], pivots of the sums; for `folded` scale and shift [2, outVectors] of
   * the batch norm; else unused.
   */
  perChannel: ['read', 'array<vec4f>'],
  /** For `folded-add` what is added after the norm, in the output's shape; else unused. */
  added: ['read', 'array<Stored>'],
  output: ['write', 'array<Stored>'],
  /** [parts, 2, outVectors]: sums of (value - pivot) and of its square, for `moments`. */
  partials: ['write', 'array<vec4f>'],
} as const;
export type ConvBuffer = keyof typeof CONV_BUFFERS;

/**
 * What a convolution does with its results beside storing them: nothing; adding to what is there; leaving the moments for
 * the batch norm behind; or applying the folded batch norm, an addition where there is one, and the activation. Each is a
 * kernel of its own, since software adapters run all code of a kernel, with lanes masked where it does not apply.
 */
const EPILOGUES = ['plain', 'accumulate', 'moments', 'folded', 'folded-add'] as const;
export type Epilogue = (typeof EPILOGUES)[number];
/** How a label names it. */
export const epilogueLabel = (epilogue: Epilogue): string => (epilogue === 'plain' ? '' : ` ${epilogue}`);

/** Shape fields that `storeTile` reads: for `moments` and for the folded ones (0 none, 1 ReLU, 2 ReLU6). */
export const STORE_FIELDS = ['parts', 'activation'] as const;
export type StoreField = (typeof STORE_FIELDS)[number];
/** Of the other epilogues. */
export const PLAIN_STORE: Readonly<Record<StoreField, number>> = { parts: 0, activation: 0 };

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
  times(tile.pixels, (p) =>
    times(tile.vectors, (v) =>
      inScalars(tile) ? COMPONENTS.map((c) => `var a${p}_${v}${c} = 0.0;`).join(' ') : `var a${p}_${v} = vec4f(0);`,
    ),
  );

/** Address of the first value of input row `iy` of `image`, in units of the tile's loads: `rowAt`. */
export const rowStart = (tile: Tile): string =>
  `let scale = inVectors${tile.channels === 1 ? ' * 4u' : ''};
  let rowAt = ${ZERO_VEC4S * (tile.channels === 1 ? 4 : 1)}u + u32((i32(image * shape.inHeight) + iy) * i32(shape.inWidth)) * scale;`;

/**
 * Address of input pixel ix of that row, or the zero region when it is padding.
 * Conditions are combined without short circuits (a negative index is a huge u32): branches here make SwiftShader
 * compile ten times longer. Needs `rowInside`.
 */
export const pixelAddress = (ix: string): string =>
  `select(0u, rowAt + u32(${ix}) * scale, rowInside & (u32(${ix}) < shape.inWidth))`;

/**
 * The same in a line of pixels, in two parts: what does not depend on the line (`columns`, for the pixels `xs`, i32)
 * and the addresses in line `sourceLine`, from `channel` on (`inLine`). Needs `imageAt` and `lineInside`. Terms are named
 * once, since software adapters compute again what is written twice.
 */
export function linePixels(
  tile: Tile,
  xs: readonly string[],
): {
  readonly columns: string;
  readonly inLine: string;
  /** Of each pixel, after `columns`: its address within a line, and whether it lies in it. */
  readonly names: readonly { readonly offset: string; readonly inside: string }[];
} {
  const scalars = tile.channels === 1 ? ' * 4u' : '';
  return {
    columns: `
    let pixelStep = shape.inStep * inVectors${scalars};
    let lineStep = shape.inLine * inVectors${scalars};
    let imageAt = (${ZERO_VEC4S}u + image * shape.inAcross * shape.inAlong * inVectors)${scalars};
    ${times(xs.length, (k) => `let ix${k} = u32(${xs[k]}); let column${k} = ix${k} * pixelStep; let inside${k} = ix${k} < shape.inAlong;`)}`,
    // Padding reads the zero region from its start: it is as long as the widest layer.
    inLine: `
    let firstChannel = channel${tile.channels === 1 ? '' : ' / 4u'};
    let lineAt = imageAt + u32(sourceLine) * lineStep + firstChannel;
    ${times(xs.length, (k) => `let at${k} = select(firstChannel, lineAt + column${k}, lineInside & inside${k});`)}`,
    names: xs.map((_, k) => ({ offset: `column${k}`, inside: `inside${k}` })),
  };
}

/**
 * The weights that one turn of the channel loop needs: `taps` taps by the tile's channels by its vectors.
 * `prepare` stands before the loops (with quads: which of them this lane loads), `place` where the strides are known (where
 * those lie, relative to the turn's first weight); `load` makes `w<tap>_<channel>_<vector>`. Strides are in vec4s.
 */
export function weightLoads(
  tile: Tile,
  taps: number,
  strides: { readonly tap: string; readonly row: string },
): { readonly prepare: string; readonly place: string; load(first: string): string } {
  const { vectors, channels, quads } = tile;
  if (rotates(tile)) {
    const each = (line: (tap: number, row: number) => string): string =>
      times(taps, (tap) => times(channels, (row) => line(tap, row)));
    return {
      prepare: '',
      place: each(
        (tap, row) => `let offset${tap}_${row} = ${tap}u * ${strides.tap} + ${row}u * ${strides.row} + lane;`,
      ),
      load: (first) =>
        `let turn = ${first};
        ${each((tap, row) => `let w${tap}_${row}_0 = weights[turn + offset${tap}_${row}];`)}
        ${each((tap, row) => times(QUAD - 1, (v) => `let w${tap}_${row}_${v + 1} = ${swapped(`w${tap}_${row}_0`, v + 1)};`))}`,
    };
  }
  const count = taps * channels * vectors;
  const name = (index: number): string =>
    `w${Math.floor(index / (channels * vectors))}_${Math.floor(index / vectors) % channels}_${index % vectors}`;
  if (!quads) {
    const offset = (index: number): string =>
      `${Math.floor(index / (channels * vectors))}u * ${strides.tap} + ${Math.floor(index / vectors) % channels}u * ${strides.row} + ${index % vectors}u`;
    return {
      prepare: '',
      place: '',
      load: (first) =>
        `let turn = ${first};` + times(count, (index) => `let ${name(index)} = weights[turn + ${offset(index)}];`),
    };
  }
  const loads = Math.ceil(count / 4);
  return {
    // Shifts and masks: software adapters divide lane by lane.
    prepare: times(
      loads,
      (k) => `let share${k} = min(lane + ${k * 4}u, ${count - 1}u);
      let tap${k} = share${k} >> ${Math.log2(channels * vectors)}u;
      let row${k} = (share${k} >> ${Math.log2(vectors)}u) & ${channels - 1}u;
      let shareVector${k} = share${k} & ${vectors - 1}u;`,
    ),
    place: times(
      loads,
      (k) =>
        `let offset${k} = tap${k} * ${strides.tap} + ${channels === 1 ? '' : `row${k} * ${strides.row} + `}shareVector${k};`,
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
 * expression, so that an accumulator is written once a turn (software adapters mask every write to a variable). In scalars
 * the weight is the first factor: SwiftShader's compiler then keeps the other one, which follows in the next expressions
 * too, in its register (a tenth of the time).
 */
export const multiplyAdd = (tile: Tile, p: number, xs: readonly (string | null)[]): string =>
  times(tile.vectors, (v) => {
    if (inScalars(tile)) {
      return COMPONENTS.map((c) => {
        const sum = xs.reduce<string>(
          (inner, x, tap) => (x === null ? inner : `fma(w${tap}_0_${v}.${c}, ${x}, ${inner})`),
          `a${p}_${v}${c}`,
        );
        return `a${p}_${v}${c} = ${sum};`;
      }).join(' ');
    }
    const terms = xs.flatMap((x, tap) =>
      x === null ? [] : Array.from({ length: tile.channels }, (_, r) => [`${x}[${r}]`, `w${tap}_${r}_${v}`] as const),
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
 * Writes the accumulators where pixel and channel exist, as the epilogue says. Moments are sums over a thread's pixels,
 * with quads over four threads': a part each.
 */
export function storeTile(tile: Tile, epilogue: Epilogue, target: Target): string {
  const { pixels, vectors, quads } = tile;
  const { vector, end = 'outVectors' } = target;
  const each = (line: (p: number, v: number) => string): string =>
    times(pixels, (p) => times(vectors, (v) => line(p, v)));
  const perChannel = (v: number): string => `perChannel[min(out${v}, outVectors - 1u)]`;
  const momentsOf = (v: number): string => {
    const sum = (term: (p: number) => string): string => Array.from({ length: pixels }, (_, p) => term(p)).join(' + ');
    return `let pivot${v} = ${perChannel(v)};
      ${times(pixels, (p) => `let d${p}_${v} = select(vec4f(0), a${p}_${v} - pivot${v}, exists${p});`)}
      let sum${v} = ${sum((p) => `d${p}_${v}`)};
      let squares${v} = ${sum((p) => `d${p}_${v} * d${p}_${v}`)};`;
  };
  const writeMoments = (v: number, writes: string, total: (name: string) => string): string => `
      let totalSum${v} = ${total('sum')};
      let totalSquares${v} = ${total('squares')};
      if (part < shape.parts${writes} && out${v} < ${end}) {
        partials[part * 2u * outVectors + out${v}] = totalSum${v};
        partials[(part * 2u + 1u) * outVectors + out${v}] = totalSquares${v};
      }`;
  const overQuad = (value: string): string =>
    `(quadBroadcast(${value}, 0u) + quadBroadcast(${value}, 1u)) + (quadBroadcast(${value}, 2u) + quadBroadcast(${value}, 3u))`;
  const moments = (): string => `
      let part = id.x${quads ? ' / 4u' : ''};
      ${times(vectors, momentsOf)}
      ${
        rotates(tile)
          ? // Each lane has its own vector's sums from the other lanes.
            writeMoments(0, '', (name) => {
              const [a, b, c, d] = [0, 1, 2, 3].map((v) => swapped(`${name}${v}`, v));
              return `(${a} + ${b}) + (${c} + ${d})`;
            })
          : times(vectors, (v) =>
              quads
                ? writeMoments(v, ' && lane == 0u', (name) => overQuad(`${name}${v}`))
                : writeMoments(v, '', (name) => `${name}${v}`),
            )
      }`;
  const before: Record<Epilogue, () => string> = {
    plain: () => '',
    accumulate: () => each((p, v) => `a${p}_${v} += vec4f(output[select(0u, at${p} + out${v}, exists${p})]);`),
    moments: () => '',
    folded: () => `
      let lowest = vec4f(select(-3.4e38, 0.0, shape.activation != 0u));
      let highest = vec4f(select(3.4e38, 6.0, shape.activation == 2u));
      ${times(vectors, (v) => `let scale${v} = ${perChannel(v)}; let shift${v} = perChannel[min(out${v}, outVectors - 1u) + outVectors];`)}
      ${each((p, v) => {
        const residual = epilogue === 'folded-add' ? ` + vec4f(added[select(0u, at${p} + out${v}, exists${p})])` : '';
        return `a${p}_${v} = clamp(fma(a${p}_${v}, scale${v}, shift${v})${residual}, lowest, highest);`;
      })}`,
    'folded-add': () => before.folded(),
  };
  return `
  ${times(vectors, (v) => `let out${v} = ${vector} + ${rotates(tile) ? `(lane ^ ${v}u)` : `${v}u`};`)}
  ${times(pixels, (p) => `let exists${p} = ${target.valid(p)}; let at${p} = (${target.pixel(p)}) * outVectors;`)}
  ${inScalars(tile) ? each((p, v) => `var a${p}_${v} = vec4f(${COMPONENTS.map((c) => `a${p}_${v}${c}`).join(', ')});`) : ''}
  ${before[epilogue]()}
  ${each((p, v) => `if (exists${p} && out${v} < ${end}) { output[at${p} + out${v}] = Stored(a${p}_${v}); }`)}
  ${epilogue === 'moments' ? moments() : ''}`;
}

/** Parts into which `storeTile` splits the moments of `tiles` tiles. */
export const momentParts = (tile: Tile, tiles: number): number => (tile.quads ? Math.ceil(tiles / 4) : tiles);
