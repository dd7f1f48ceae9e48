import type { LayerDensity } from '../../core/density/index.ts';
import type { ChannelGroup } from '../../core/network/index.ts';
import type { ChannelReason } from '../../core/scheme/scheme.ts';

/** How a layer was cropped. */
export interface CroppedLayer {
  readonly group: ChannelGroup;
  /** Channels that stay, of those the model has. */
  readonly width: number;
  readonly channels: number;
  readonly density: LayerDensity;
  /** What the level counts, with its number; null where there is none. */
  readonly level: string | null;
}

/** A sentence for every channel of a layer. Which of them stay does not matter to the method: the first do (ours). */
export function reasonsOf({ group, width, channels, density, level }: CroppedLayer): ChannelReason[] {
  const { layer, weights, kept } = density;
  const target = `density ${density.density.toFixed(3)}${level === null ? '' : ` at ${level}`}`;
  const left =
    kept > weights
      ? `${count(kept)} weights for ${count(weights)}`
      : `${count(kept)} of ${count(weights)} weights kept`;
  const why = `${target}, ${left}`;
  const widths =
    width > channels ? `is widened from ${channels} to ${width} channels` : `gets ${width} of ${channels} channels`;
  return Array.from({ length: group.channels }, (_, channel) => {
    const stays = channel < width;
    const place = width < group.channels ? ', the first ones' : '';
    const text = `${stays ? 'Kept' : 'Pruned'}: ${layer} ${widths}${place} (${why}).`;
    return { layer, channel, fate: stays ? 'kept' : 'pruned', text };
  });
}

export const count = (value: number): string => Math.round(value).toLocaleString('en');
