import { densityLayers } from '../../core/density/index.ts';
import { type Network, convolutionsOf, groupByNode, groupsOf, shapesOf } from '../../core/network/index.ts';

/** A convolution of a drawn network. */
export interface DrawnLayer {
  readonly layer: string;
  /** Channels it writes. */
  readonly width: number;
  /** Its channels in the original network. */
  readonly original: number;
  /** Height of the maps it writes, in pixels of the image. */
  readonly size: number;
  /** Whether an addition ties its channels to other layers': a residual stream, which goes on past the layer. */
  readonly stream: boolean;
}

/**
 * The convolutions of a network with the widths of its groups, in network order. A shortcut beside a block is left out:
 * it is as wide as the block's end.
 */
export function drawnLayers(network: Network, widths: ReadonlyMap<string, number>): readonly DrawnLayer[] {
  const shapes = shapesOf(network);
  const groupOf = groupByNode(groupsOf(network));
  const shortcuts = new Set(densityLayers(network).flatMap(({ id, shortcut }) => (shortcut ? [id] : [])));
  const added = new Set(network.nodes.flatMap(({ id, op }) => (op === 'add' ? [groupOf.get(id)?.id] : [])));
  return convolutionsOf(network).flatMap(({ id }): DrawnLayer[] => {
    const group = groupOf.get(id);
    if (!group || shortcuts.has(id)) return [];
    const [size = 1] = shapes.get(id) ?? [];
    const width = widths.get(group.id) ?? group.channels;
    return [{ layer: id, width, original: group.channels, size, stream: added.has(group.id) }];
  });
}

/** A layer as a bar of a drawing, in pixels. */
export interface DrawnBar extends DrawnLayer {
  readonly x: number;
  readonly thickness: number;
  readonly top: number;
  readonly height: number;
  readonly originalTop: number;
  readonly originalHeight: number;
}

/**
 * Bars in network order about a middle line: as high as the layer is wide, thicker where its maps are larger. The square
 * root of the map's size, or a network's late layers would be too thin to see.
 */
export function layOutDrawing(
  layers: readonly DrawnLayer[],
  { width, height, most }: { readonly width: number; readonly height: number; readonly most: number },
): readonly DrawnBar[] {
  const shares = layers.map(({ size }) => Math.sqrt(size));
  const total = shares.reduce((sum, share) => sum + share, 0) || 1;
  const gap = layers.length * 3 < width ? 1 : 0;
  let x = 0;
  return layers.map((layer, index) => {
    const pitch = ((shares[index] ?? 0) / total) * width;
    const high = (channels: number): number => Math.max(1, (channels / most) * height);
    const bar = {
      ...layer,
      x,
      thickness: Math.max(0.5, pitch - gap),
      height: high(layer.width),
      top: (height - high(layer.width)) / 2,
      originalHeight: high(layer.original),
      originalTop: (height - high(layer.original)) / 2,
    };
    x += pitch;
    return bar;
  });
}

/** The residual streams of a drawing as bands behind its bars: each from where it begins to the last layer that adds to it. */
export function streamBands(
  bars: readonly DrawnBar[],
): readonly { readonly x: number; readonly width: number; readonly top: number; readonly height: number }[] {
  const bands: { x: number; width: number; top: number; height: number; original: number; size: number }[] = [];
  for (const bar of bars) {
    if (!bar.stream) continue;
    const end = bar.x + bar.thickness;
    const last = bands.at(-1);
    if (last && last.original === bar.original && last.size === bar.size) last.width = end - last.x;
    else {
      const { x, thickness, top, height, original, size } = bar;
      bands.push({ x, width: thickness, top, height, original, size });
    }
  }
  return bands.map(({ x, width, top, height }) => ({ x, width, top, height }));
}
