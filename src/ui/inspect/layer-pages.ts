import type { LayerMaps } from './layer-maps.ts';

/** Layers that are asked for and drawn at a time: more would hold up a run of a deep network. */
const MOST = 6;

/** The layers, each once, a few to a page. */
export function layerPages(layers: readonly string[]): readonly (readonly string[])[] {
  const once = [...new Set(layers)];
  const pages = Math.ceil(once.length / MOST);
  // Pages of about the same length: no last one with a single layer.
  const length = Math.ceil(once.length / Math.max(1, pages));
  return Array.from({ length: pages }, (_, page) => once.slice(page * length, (page + 1) * length));
}

export const pageName = (layers: readonly string[]): string =>
  layers.length > 1 ? `${layers[0]} to ${layers.at(-1)}` : (layers[0] ?? '');

/** A layer's channels as rows of a table. */
export function activationRows(
  layer: string,
  a: LayerMaps | null,
  b: LayerMaps | null,
): readonly (readonly string[])[] {
  const count = Math.max(a?.channels.length ?? 0, b?.channels.length ?? 0);
  const cells = (maps: LayerMaps | null, channel: number): readonly string[] => {
    const map = maps?.channels[channel];
    if (map === undefined) return ['–', '–'];
    return map ? [map.mean.toPrecision(3), map.most.toPrecision(3)] : ['pruned', 'pruned'];
  };
  return Array.from({ length: count }, (_, channel) => [
    layer,
    String(channel),
    ...cells(a, channel),
    ...cells(b, channel),
  ]);
}
