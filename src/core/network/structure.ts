import { type ChannelGroup, groupsOf } from './groups.ts';
import { type Network, nodeOf, shapesOf } from './network.ts';
import { type TapPattern, checkTaps } from './taps.ts';

/**
 * What is kept of a network: for each channel group the kept channels' indices, ascending, and for convolutions the kept
 * taps. Plain JSON. What is not listed keeps everything.
 */
export interface Structure {
  readonly channels: Readonly<Record<string, readonly number[]>>;
  /** By convolution; offsets for all input channels of the full-size network, pruned ones too. */
  readonly taps?: Readonly<Record<string, TapPattern>>;
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => index);

/** The structure that keeps every channel of every group. */
export function denseStructure(network: Network): Structure {
  return { channels: Object.fromEntries(groupsOf(network).map((group) => [group.id, range(group.channels)])) };
}

/** Kept channels of a group, ascending. */
export function keptOf(structure: Structure, group: Pick<ChannelGroup, 'id' | 'channels'>): readonly number[] {
  return structure.channels[group.id] ?? range(group.channels);
}

/** Throws a sentence when a structure does not fit the network: unknown group, empty group, index out of order or range. */
export function checkStructure(network: Network, structure: Structure): void {
  const groups = new Map(groupsOf(network).map((group) => [group.id, group]));
  for (const [id, kept] of Object.entries(structure.channels)) {
    const group = groups.get(id);
    if (!group) throw new Error(`structure: the network ${network.id} has no channel group "${id}"`);
    if (kept.length === 0) throw new Error(`structure: group "${id}" keeps no channel; at least one is needed`);
    if (!group.cuttable && kept.length !== group.channels) {
      throw new Error(`structure: group "${id}" (image channels or classes) cannot be cut`);
    }
    kept.forEach((channel, position) => {
      const previous = kept[position - 1] ?? -1;
      if (!Number.isInteger(channel) || channel <= previous || channel >= group.channels) {
        throw new Error(`structure: group "${id}" must list channels 0 to ${group.channels - 1}, ascending, once each`);
      }
    });
  }
  const shapes = shapesOf(network);
  for (const [id, pattern] of Object.entries(structure.taps ?? {})) {
    const conv = nodeOf(network, id, 'conv');
    checkTaps(id, pattern, shapes.get(conv.input)?.[2] ?? 0, conv.kernel ** 2);
  }
}

/** What two structures differ in, group by group; empty when they keep the same. */
export interface StructureChange {
  readonly group: string;
  readonly pruned: readonly number[];
  readonly regrown: readonly number[];
}

export function changesBetween(network: Network, before: Structure, after: Structure): readonly StructureChange[] {
  return groupsOf(network).flatMap((group) => {
    const old = new Set(keptOf(before, group));
    const now = new Set(keptOf(after, group));
    const pruned = [...old].filter((channel) => !now.has(channel));
    const regrown = [...now].filter((channel) => !old.has(channel));
    return pruned.length + regrown.length > 0 ? [{ group: group.id, pruned, regrown }] : [];
  });
}

/** The same text for structures that list the same channels and taps, in whatever order of their groups. */
export function structureKey({ channels, taps = {} }: Structure): string {
  const sorted = (record: object): unknown[] => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  const patterns = Object.entries(taps).map(([layer, { stride, offsets }]) => [layer, [stride, offsets]]);
  return JSON.stringify([sorted(channels), sorted(Object.fromEntries(patterns))]);
}
