import { type ChannelGroup, type Network, batchNormOf, groupByNode, groupsOf } from '../../core/network/index.ts';
import type { Filters } from './columns.ts';

/** A convolution that writes a layer's channels. */
export interface Producer extends Filters {
  readonly conv: string;
  /** The batch norm right behind it; null where there is none. */
  readonly norm: string | null;
}

/** What is ranked and cut as one: a channel group, with the convolutions that write it in network order. */
export interface Layer {
  readonly group: ChannelGroup;
  readonly producers: readonly Producer[];
}

/**
 * All layers that can be cut, in network order: channel groups that convolutions alone write, residual streams
 * included. The units of a hidden dense layer stay: the channels of a budget, of `widths` and of the channel map are
 * those of convolutions. Throws a sentence when there are none.
 */
export function cuttableLayers(network: Network): readonly Layer[] {
  const groups = groupsOf(network);
  const groupOf = groupByNode(groups);
  const layers = groups.flatMap((group): Layer[] => {
    const producers = group.producers.flatMap((conv): Producer[] => {
      const node = network.nodes.find(({ id }) => id === conv);
      const input = node?.op === 'conv' ? groupOf.get(node.input) : undefined;
      if (!input) return [];
      return [{ conv, group, input, kernel: `${conv}/kernel`, norm: batchNormOf(network, conv)?.id ?? null }];
    });
    const all = producers.length > 0 && producers.length === group.producers.length;
    return group.cuttable && all ? [{ group, producers }] : [];
  });
  if (layers.length > 0) return layers;
  throw new Error(
    `model.id: there is no channel to prune in ${network.id}; it needs a convolution before its classifier`,
  );
}

/** The convolution at which a layer is explained, and the others that are tied to it. */
export function namesOf({ producers }: Layer): { readonly layer: string; readonly tied: readonly string[] } {
  const [layer = '', ...tied] = producers.map(({ conv }) => conv);
  return { layer, tied };
}

/** The layers' convolutions, in network order: what a scheme says it may cut. */
export function convolutionsIn(network: Network, layers: readonly Layer[]): string[] {
  const convs = new Set(layers.flatMap(({ producers }) => producers.map(({ conv }) => conv)));
  return network.nodes.flatMap(({ id }) => (convs.has(id) ? [id] : []));
}

/** Mean over a layer's producers of what `scoresOf` gives each, channel by channel. */
export function meanOverProducers(
  { group, producers }: Layer,
  scoresOf: (producer: Producer) => ArrayLike<number>,
): Float64Array {
  const mean = new Float64Array(group.channels);
  for (const producer of producers) {
    const scores = scoresOf(producer);
    for (let channel = 0; channel < mean.length; channel++) {
      mean[channel] = (mean[channel] ?? 0) + (scores[channel] ?? NaN) / producers.length;
    }
  }
  return mean;
}

/**
 * The batch norms right behind the layers' producers. Throws a sentence when one has none, for criteria that need it.
 */
export function normsOf(network: Network, layers: readonly Layer[], title: string): string[] {
  return layers.flatMap(({ producers }) =>
    producers.map(({ conv, norm }) => {
      if (norm) return norm;
      throw new Error(
        `model.id: ${title} needs a batch norm behind every convolution; ${conv} of ${network.id} has none`,
      );
    }),
  );
}
