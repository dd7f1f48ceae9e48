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
  const share = `density ${figures(density.density)}, ${count(kept)} of ${count(weights)} weights kept`;
  const why = `${share}${level === null ? '' : `, ${level}`}`;
  return Array.from({ length: group.channels }, (_, channel) => {
    const stays = channel < width;
    const fate = stays ? 'Kept' : 'Pruned';
    const text = `${fate}: ${layer} gets ${width} of ${channels} channels, the first ones (${why}).`;
    return {
      layer,
      channel,
      fate: stays ? 'kept' : 'pruned',
      text: width > channels ? widened(density, width, channels) : text,
    };
  });
}

const widened = ({ layer, density, weights, kept }: LayerDensity, width: number, channels: number): string =>
  `Kept: ${layer} gets ${width} channels, more than the model's ${channels} (density ${figures(density)}, ` +
  `${count(kept)} weights instead of ${count(weights)}).`;

const figures = (value: number): string => value.toFixed(3);
export const count = (value: number): string => Math.round(value).toLocaleString('en');
