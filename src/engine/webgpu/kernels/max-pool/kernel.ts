import { type Kernel, MAIN, defineKernel, gridNext, gridStride } from '../../kernel.ts';
import { times } from '../conv/tile.ts';

/** A pooling's square window and its step, in pixels. Constants of the code: loops over so few pixels cost more than they hold. */
export interface PoolWindow {
  readonly size: number;
  readonly stride: number;
}

const SHAPE = ['outHeight', 'outWidth', 'inHeight', 'inWidth', 'vectors', 'count', 'padTop', 'padLeft'] as const;
export type MaxPoolField = (typeof SHAPE)[number];

const label = (name: string, { size, stride }: PoolWindow): string => `${name} ${size}x${size}s${stride}`;

/** Of item `i`: vec4 `c` of channels, column `x` and row `y` of `width` by `height`, and `image`. */
const placeOf = (width: string, height: string): string => `
    let pixel = i / shape.vectors;
    let c = i - pixel * shape.vectors;
    let line = pixel / ${width};
    let x = pixel - line * ${width};
    let image = line / ${height};
    let y = line - image * ${height};`;

/** Larger than any byte that names a pixel of a window. */
const NO_WINNER = 256;

/**
 * Window maximum of [images, inHeight, inWidth, channels]; `same` padding never wins. `winners` remembers which pixel of
 * the window (in reading order) gave it, the first of equals: one byte a channel. One item a vec4 of output: `count`.
 */
export function maxPool(window: PoolWindow): Kernel<'source' | 'output' | 'winners', MaxPoolField> {
  const { size, stride } = window;
  const pixels = Array.from({ length: size * size }, (_, place) => [Math.floor(place / size), place % size] as const);
  return defineKernel({
    label: label('max-pool', window),
    buffers: {
      source: ['read', 'array<Stored>'],
      output: ['write', 'array<Stored>'],
      winners: ['write', 'array<u32>'],
    },
    shape: SHAPE,
    body: `${MAIN} {
  ${gridStride('i', 'shape.count')} {
    ${placeOf('shape.outWidth', 'shape.outHeight')}
    let best_ = vec4f(-3.4e38);
    let winner_ = vec4u(0);
    // What lies before the first row or column is a huge u32.
    ${times(size, (k) => `let iy${k} = y * ${stride}u + ${k}u - shape.padTop; let row${k} = (image * shape.inHeight + iy${k}) * shape.inWidth;`)}
    ${times(size, (k) => `let ix${k} = x * ${stride}u + ${k}u - shape.padLeft; let column${k} = ix${k} < shape.inWidth;`)}
    ${pixels
      .map(([ky, kx], place) => {
        const before = place === 0 ? '_' : String(place - 1);
        return `let inside${place} = (iy${ky} < shape.inHeight) & column${kx};
    let read${place} = vec4f(source[select(0u, (row${ky} + ix${kx}) * shape.vectors + c, inside${place})]);
    let value${place} = select(vec4f(-3.4e38), read${place}, inside${place});
    let better${place} = value${place} > best${before};
    let best${place} = select(best${before}, value${place}, better${place});
    let winner${place} = select(winner${before}, vec4u(${place}), better${place});`;
      })
      .join('\n')}
    let last = winner${pixels.length - 1};
    output[i] = Stored(best${pixels.length - 1});
    winners[i] = last.x | (last.y << 8u) | (last.z << 16u) | (last.w << 24u);
    ${gridNext('i', 'shape.count')}
  }
}`,
  });
}

/**
 * Gradient of the maximum: goes to the pixel that won, or is added there. Gathers, so nothing is added concurrently. An
 * item is a vec4 of a square of `stride` by `stride` pixels of the input: they share the windows that cover them.
 * `count` is that of the items, see `poolSquares`.
 */
export function maxPoolGradient(
  window: PoolWindow,
  accumulate: boolean,
): Kernel<'winners' | 'gradient' | 'sourceGradient', MaxPoolField> {
  const { size, stride } = window;
  /** Windows that cover a square: the one that starts with it, and those before. */
  const reach = Math.ceil(size / stride);
  const each = (count: number, line: (a: number, b: number) => string): string =>
    times(count, (a) => times(count, (b) => line(a, b)));
  return defineKernel({
    label: label(`max-pool-gradient${accumulate ? ' accumulate' : ''}`, window),
    buffers: {
      winners: ['read', 'array<u32>'],
      gradient: ['read', 'array<Stored>'],
      sourceGradient: ['write', 'array<Stored>'],
    },
    shape: SHAPE,
    body: `${MAIN} {
  let squaresAlong = (shape.inWidth + shape.padLeft + ${stride - 1}u) / ${stride}u;
  let squaresAcross = (shape.inHeight + shape.padTop + ${stride - 1}u) / ${stride}u;
  ${gridStride('i', 'shape.count')} {
    ${placeOf('squaresAlong', 'squaresAcross')}
    // What lies before the first row or column is a huge u32.
    ${each(
      reach,
      (m, n) => `let window${m}_${n} = (y - ${m}u < shape.outHeight) & (x - ${n}u < shape.outWidth);
    let at${m}_${n} = select(0u, ((image * shape.outHeight + y - ${m}u) * shape.outWidth + x - ${n}u) * shape.vectors + c, window${m}_${n});
    let bytes${m}_${n} = (vec4u(winners[at${m}_${n}]) >> vec4u(0, 8, 16, 24)) & vec4u(255);
    let winner${m}_${n} = select(vec4u(${NO_WINNER}), bytes${m}_${n}, window${m}_${n});
    let g${m}_${n} = vec4f(gradient[at${m}_${n}]);`,
    )}
    ${each(stride, (r, s) => {
      const terms = Array.from({ length: reach * reach }, (_, w) => {
        const [m, n] = [Math.floor(w / reach), w % reach];
        const [ky, kx] = [r + m * stride, s + n * stride];
        if (ky >= size || kx >= size) return [];
        return [`select(vec4f(0), g${m}_${n}, winner${m}_${n} == vec4u(${ky * size + kx}))`];
      }).flat();
      const place = `to${r}_${s}`;
      return `let iy${r}_${s} = y * ${stride}u + ${r}u - shape.padTop;
    let ix${r}_${s} = x * ${stride}u + ${s}u - shape.padLeft;
    if ((iy${r}_${s} < shape.inHeight) & (ix${r}_${s} < shape.inWidth)) {
      let ${place} = ((image * shape.inHeight + iy${r}_${s}) * shape.inWidth + ix${r}_${s}) * shape.vectors + c;
      sourceGradient[${place}] = Stored(${[...terms, ...(accumulate ? [`vec4f(sourceGradient[${place}])`] : [])].join(' + ') || 'vec4f(0)'});
    }`;
    })}
    ${gridNext('i', 'shape.count')}
  }
}`,
  });
}

/** Squares of `stride` by `stride` pixels, lined up with the windows, that cover an input of one image. */
export const poolSquares = (
  { stride }: PoolWindow,
  { inHeight, inWidth, padTop, padLeft }: Readonly<Record<'inHeight' | 'inWidth' | 'padTop' | 'padLeft', number>>,
): number => Math.ceil((inHeight + padTop) / stride) * Math.ceil((inWidth + padLeft) / stride);
