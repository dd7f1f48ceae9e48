import type { RunView } from '../../core/events/view.ts';
import { type Network, type Structure, groupByNode, groupsOf, keptOf, nodeOf } from '../../core/network/index.ts';
import { type TapPattern, keepsTap, keptTaps } from '../../core/network/taps.ts';
import type { Uniforms } from '../../core/random/uniforms.ts';
import { type ConvLayer, type LayerSize, balancedOffsets, layerSizes } from '../../core/sparsity/index.ts';

/** Kept taps by convolution, chosen by hand. */
export type TapEdits = Readonly<Record<string, TapPattern>>;

type Shape = Pick<ConvLayer, 'id' | 'inputs' | 'taps'>;

/** What a run keeps at the step that a view shows. */
export const structureOf = ({ log }: Pick<RunView, 'log'>): Structure =>
  log.findLast((event) => event.kind === 'structure')?.structure ?? { channels: {} };

/** The taps that a structure keeps of a convolution; all of them are stride 1. */
export const patternOf = ({ taps }: Structure, { id, inputs }: Shape): TapPattern =>
  taps?.[id] ?? { stride: 1, offsets: Array.from({ length: inputs }, () => 0) };

/** A structure with channels (by group) and taps (by convolution) changed by hand. */
export function withEdits(structure: Structure, channels: Structure['channels'], taps: TapEdits): Structure {
  return {
    ...structure,
    channels: { ...structure.channels, ...channels },
    taps: { ...structure.taps, ...taps },
  };
}

export const samePattern = (one: TapPattern, other: TapPattern): boolean =>
  one.stride === other.stride && one.offsets.every((offset, c) => offset === other.offsets[c]);

/** The pattern of a stride: the run's own where that is its stride, else balanced offsets. */
export const restrided = (running: TapPattern, stride: number, random: Uniforms): TapPattern =>
  stride === running.stride ? running : balanced({ ...running, stride }, random);

/** The pattern with every offset as often as the others, to one, in a random order. */
export const balanced = ({ stride, offsets }: TapPattern, random: Uniforms): TapPattern => ({
  stride,
  offsets: balancedOffsets(offsets.length, stride, random),
});

/** The pattern with the offset of one source map moved, around the stride. */
export const turned = ({ stride, offsets }: TapPattern, map: number, by: number): TapPattern => ({
  stride,
  offsets: offsets.map((offset, c) => (c === map ? (((offset + by) % stride) + stride) % stride : offset)),
});

/** The pattern with one offset for all source maps. */
export const allAt = ({ stride, offsets }: TapPattern, offset: number): TapPattern => ({
  stride,
  offsets: offsets.map(() => offset),
});

/** The source maps of a convolution that a structure keeps, ascending. */
export function sourceMaps(network: Network, structure: Structure, layer: string): readonly number[] {
  const group = groupByNode(groupsOf(network)).get(nodeOf(network, layer, 'conv').input);
  return group ? keptOf(structure, group) : [];
}

/** How many of the source maps keep the centre tap, where kernels have one. */
export interface Centre {
  readonly keep: number;
  readonly maps: number;
}

/** Null for kernels of even side, which have no centre. */
export function centreOf(pattern: TapPattern, maps: readonly number[], taps: number): Centre | null {
  if (taps % 2 === 0) return null;
  const centre = (taps - 1) / 2;
  return { keep: maps.filter((map) => keepsTap(pattern, map, centre)).length, maps: maps.length };
}

/** What to say of the centre: a warning where no kernel sees it, a note where some do not, nothing where all do. */
export function centreWords(centre: Centre | null): { readonly warning: boolean; readonly text: string } | null {
  if (!centre || centre.keep === centre.maps) return null;
  const { keep, maps } = centre;
  if (keep === 0)
    return { warning: true, text: 'No source map keeps the centre tap: no kernel here sees its centre pixel.' };
  return { warning: false, text: `${keep} of ${maps} source maps ${keep === 1 ? 'keeps' : 'keep'} the centre tap.` };
}

/** A convolution's and the whole network's sizes under a structure. */
export interface TapSizes {
  readonly layer: LayerSize;
  /** Multiply-adds of one image. */
  readonly macs: number;
}

/** Throws when the network has no such convolution, or the structure does not fit. */
export function tapSizes(network: Network, structure: Structure, layer: string): TapSizes {
  const sizes = layerSizes(network, structure);
  const own = sizes.find((size) => size.layer === layer);
  if (!own) throw new Error(`taps: the network ${network.id} has no layer "${layer}"`);
  return { layer: own, macs: sizes.reduce((sum, { macs }) => sum + macs, 0) };
}

/** What a picture of a source map tells in words. */
export function offsetWords({ stride, offsets }: TapPattern, map: number, taps: number): string {
  const offset = offsets[map] ?? 0;
  if (stride === 1) return 'all taps';
  const kept = keptTaps(stride, offset, taps);
  return `offset ${offset}, ${kept.length === 1 ? 'tap' : 'taps'} ${kept.join(', ')}`;
}
