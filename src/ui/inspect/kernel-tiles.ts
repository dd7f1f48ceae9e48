import { type NodeOf, type TapPattern, keepsTap } from '../../core/network/index.ts';

/** One kernel of a convolution that reads an RGB image. */
export interface KernelTile {
  /** Output channel. */
  readonly channel: number;
  readonly kept: boolean;
  /** L2 norm of its weights. */
  readonly norm: number;
  readonly least: number;
  readonly most: number;
  /** RGBA of `side` x `side` pixels. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

export interface KernelTiles {
  readonly side: number;
  /** The largest absolute weight of all tiles: it is drawn as 255 (and minus it as 1); zero is 128, mid grey. */
  readonly limit: number;
  readonly tiles: readonly KernelTile[];
}

const COLOURS = 3;

/**
 * Draws the kernels of a convolution with three input channels, all on one scale: the weights of a tap for red, green and
 * blue are the colour of its pixel. `kernel`: HWIO. `kept`: output channels. Pruned taps are drawn as the zeros they are.
 */
export function kernelTiles(
  kernel: Float32Array,
  { kernel: side, filters }: Pick<NodeOf<'conv'>, 'kernel' | 'filters'>,
  kept: readonly number[],
  taps?: TapPattern,
): KernelTiles {
  const weightOf = (tap: number, colour: number, channel: number): number =>
    taps && !keepsTap(taps, colour, tap) ? 0 : (kernel[(tap * COLOURS + colour) * filters + channel] ?? 0);
  const weights = Array.from({ length: filters }, (_, channel) =>
    Float32Array.from({ length: side * side * COLOURS }, (_unused, i) =>
      weightOf(Math.floor(i / COLOURS), i % COLOURS, channel),
    ),
  );
  const limit = weights.reduce((most, own) => own.reduce((m, w) => Math.max(m, Math.abs(w) || 0), most), 0);
  const alive = new Set(kept);
  const tiles = weights.map((own, channel) => ({
    channel,
    kept: alive.has(channel),
    norm: Math.sqrt(own.reduce((sum, w) => sum + w * w, 0)),
    least: own.reduce((a, b) => Math.min(a, b), Infinity),
    most: own.reduce((a, b) => Math.max(a, b), -Infinity),
    rgba: opaque(own.map((w) => 128 + (limit > 0 ? (w / limit) * 127 : 0))),
  }));
  return { side, limit, tiles };
}

/** RGB values one after the other as opaque RGBA pixels. */
export function opaque(rgb: ArrayLike<number>): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray((rgb.length / COLOURS) * 4).fill(255);
  for (let i = 0; i < rgb.length; i++) rgba[Math.floor(i / COLOURS) * 4 + (i % COLOURS)] = rgb[i] ?? 0;
  return rgba;
}

export type TileOrder = 'channel' | 'norm';

/** By channel number, or by norm with the largest first. */
export const inOrder = (tiles: readonly KernelTile[], order: TileOrder): readonly KernelTile[] =>
  order === 'norm' ? tiles.toSorted((a, b) => b.norm - a.norm || a.channel - b.channel) : tiles;
