import { type Network, groupsOf, keptTaps } from '../../core/network/index.ts';
import { vec4s } from './kernel.ts';

/**
 * How the channels of a node's output lie in memory. Normally channel k is the k-th; where a convolution keeps only some
 * taps of its source maps, maps of equal taps stand next to each other, each class padded to a whole vec4, so that every
 * class is a small dense convolution of its own.
 */
export interface ChannelLayout {
  readonly vectors: number;
  /** Place of each channel, or null when it is its index. */
  readonly places: readonly number[] | null;
}

/** Source maps of one convolution that keep the same taps. */
export interface TapClass {
  /** First place (a multiple of 4) and how many channels. */
  readonly channel: number;
  readonly channels: number;
  /** Kept taps, row-major in the kernel, ascending. */
  readonly taps: readonly number[];
}

export interface ChannelLayouts {
  of(node: string): ChannelLayout;
  /** Classes of a convolution that keeps only some taps; null when it keeps all. */
  classes(conv: string): readonly TapClass[] | null;
}

/** Lays out the channels of all groups of a network. Throws a sentence when the image's own channels would move. */
export function layOutChannels(network: Network): ChannelLayouts {
  const layouts = new Map<string, ChannelLayout>();
  const classes = new Map<string, readonly TapClass[]>();
  for (const group of groupsOf(network)) {
    const sparse = network.nodes.flatMap((node) =>
      node.op === 'conv' && node.taps && group.members.includes(node.input)
        ? [{ id: node.id, pattern: node.taps, taps: node.kernel ** 2 }]
        : [],
    );
    const [first] = sparse;
    if (!first) {
      for (const member of group.members) layouts.set(member, { vectors: vec4s(group.channels), places: null });
      continue;
    }
    if (network.nodes.some((node) => node.op === 'input' && group.members.includes(node.id))) {
      throw new Error(`"${first.id}" reads the image: its kernels must keep all taps`);
    }
    // Channels with the same offsets for every reader belong together.
    const byOffsets = new Map<string, number[]>();
    for (let channel = 0; channel < group.channels; channel++) {
      const key = sparse.map(({ pattern }) => pattern.offsets[channel] ?? 0).join(' ');
      byOffsets.set(key, [...(byOffsets.get(key) ?? []), channel]);
    }
    const places: number[] = [];
    const starts = new Map<string, number>();
    let end = 0;
    for (const [key, channels] of byOffsets) {
      starts.set(key, end);
      channels.forEach((channel, index) => (places[channel] = end + index));
      end += vec4s(channels.length) * 4;
    }
    for (const member of group.members) layouts.set(member, { vectors: end / 4, places });
    for (const { id, pattern, taps } of sparse) {
      classes.set(
        id,
        [...byOffsets].map(([key, channels]) => ({
          channel: starts.get(key) ?? 0,
          channels: channels.length,
          taps: keptTaps(pattern.stride, pattern.offsets[channels[0] ?? 0] ?? 0, taps),
        })),
      );
    }
  }
  return {
    of: (node) => {
      const layout = layouts.get(node);
      if (!layout) throw new Error(`no node is called "${node}"`);
      return layout;
    },
    classes: (conv) => classes.get(conv) ?? null,
  };
}
