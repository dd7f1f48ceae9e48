import type { Network } from '../../core/network/index.ts';
import type { KeptChannels } from '../../core/spec/options.ts';
import { problem, unknownKey } from '../../core/spec/problems.ts';
import { type Layer, cuttableLayers } from '../shared/layers.ts';

/** What the user wants of one layer: channels, ascending, or a width. */
export interface Wanted {
  readonly layer: Layer;
  /** The convolution by which the layer was named. */
  readonly named: string;
  readonly keep: number | readonly number[];
}

export type ResolvedKeep =
  | { readonly ok: true; readonly wanted: readonly Wanted[] }
  /** A sentence that starts with the path of the key that is wrong. */
  | { readonly ok: false; readonly problem: string };

/** Finds the layers that a spec names, in network order, and checks what it wants of them. */
export function resolveKeep(network: Network, keep: KeptChannels): ResolvedKeep {
  const layers = cuttableLayers(network);
  const wanted = new Map<string, Wanted>();
  for (const [named, entry] of Object.entries(keep)) {
    const layer = layers.find(({ producers }) => producers.some(({ conv }) => conv === named));
    if (!layer) return { ok: false, problem: noSuchLayer(network, layers, named) };
    const own: Wanted = { layer, named, keep: typeof entry === 'number' ? entry : [...entry].sort((a, b) => a - b) };
    const tied = wanted.get(layer.group.id);
    const wrong = wrongEntry(own) ?? (tied ? contradiction(own, tied) : null);
    if (wrong) return { ok: false, problem: problem(`scheme.keep.${named}`, wrong).message };
    wanted.set(layer.group.id, tied ?? own);
  }
  return { ok: true, wanted: layers.flatMap(({ group }) => wanted.get(group.id) ?? []) };
}

function noSuchLayer(network: Network, layers: readonly Layer[], named: string): string {
  const known = layers.flatMap(({ producers }) => producers.map(({ conv }) => conv));
  const node = network.nodes.find(({ id }) => id === named);
  const reason =
    node?.op === 'depthwiseConv'
      ? 'a depthwise convolution passes on the channels of what feeds it; name that convolution instead'
      : 'the channels of this layer cannot be cut, only those that convolutions alone write';
  const isLayer = node?.op === 'conv' || node?.op === 'depthwiseConv' || node?.op === 'dense';
  return (isLayer ? problem(`scheme.keep.${named}`, reason) : unknownKey('scheme.keep', named, known)).message;
}

function wrongEntry({ layer, keep }: Wanted): string | null {
  const { channels } = layer.group;
  if (typeof keep === 'number') {
    return keep <= channels ? null : `must be a width of at most ${channels}, the layer's channels, not ${keep}`;
  }
  if (keep.length === 0) return 'must list at least one channel; leave the layer out to keep all of it';
  const beyond = keep.find((channel) => channel >= channels);
  if (beyond !== undefined) return `must list channels from 0 to ${channels - 1}, not ${beyond}`;
  const twice = keep.find((channel, place) => channel === keep[place + 1]);
  return twice === undefined ? null : `must list each channel once; ${twice} is there twice`;
}

function contradiction({ keep }: Wanted, tied: Wanted): string | null {
  if (String(keep) === String(tied.keep) && typeof keep === typeof tied.keep) return null;
  return `contradicts scheme.keep.${tied.named}: additions tie the two layers, so they keep the same channels; name one of them`;
}
