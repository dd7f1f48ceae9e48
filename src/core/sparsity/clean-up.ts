import { type Network, type Structure, convolutionsOf, groupByNode, groupsOf, keptOf } from '../network/index.ts';
import { type Masks } from './masks.ts';

export interface CleanedUp {
  /** The structure without the maps that no kernel writes or none reads. */
  readonly structure: Structure;
  /** The masks, with 0 for the kernels that went with those maps. */
  readonly kernels: Masks;
}

/**
 * Removes the maps that kernel masks have emptied (section 3): those without a kernel that writes them (the follow-up's;
 * what their batch norm's shift still sent on is lost), and those that no kernel reads (ours; exact). Their other kernels
 * go too, which may empty further maps. A group never loses its last map: the lowest one that was kept stays.
 */
export function cleanUp(network: Network, structure: Structure, kernels: Masks): CleanedUp {
  const all = groupsOf(network);
  const groups = all.filter(({ cuttable }) => cuttable);
  const groupOf = groupByNode(all);
  const kept = new Map(all.map((group) => [group.id, new Set(keptOf(structure, group))]));
  const masks = new Map([...kernels].map(([id, bits]) => [id, bits.slice()]));
  const layers = new Map(
    convolutionsOf(network).map(({ id, input, filters }) => [
      id,
      { inputs: groupOf.get(input), output: groupOf.get(id), filters },
    ]),
  );

  /** Whether any kernel of a convolution that may be masked writes (reads) a map; other layers always do. */
  const writes = (id: string, d: number): boolean => {
    const [bits, layer] = [masks.get(id), layers.get(id)];
    if (!bits || !layer) return true;
    return [...(kept.get(layer.inputs?.id ?? '') ?? [])].some((c) => bits[c * layer.filters + d] === 1);
  };
  const reads = (id: string, c: number): boolean => {
    const [bits, layer] = [masks.get(id), layers.get(id)];
    if (!bits || !layer) return true;
    return [...(kept.get(layer.output?.id ?? '') ?? [])].some((d) => bits[c * layer.filters + d] === 1);
  };

  for (let changed = true; changed;) {
    changed = false;
    for (const { id, producers, readers } of groups) {
      const maps = kept.get(id) ?? new Set();
      const lowest = Math.min(...maps);
      const left = [...maps].filter(
        (map) => producers.some((conv) => writes(conv, map)) && readers.some((reader) => reads(reader, map)),
      );
      const next = left.length > 0 ? left : [lowest];
      if (next.length === maps.size) continue;
      kept.set(id, new Set(next));
      changed = true;
    }
  }

  for (const [id, bits] of masks) {
    const layer = layers.get(id);
    const [inputs, outputs] = [kept.get(layer?.inputs?.id ?? ''), kept.get(layer?.output?.id ?? '')];
    const filters = layer?.filters ?? 1;
    bits.forEach((_, unit) => {
      if (!inputs?.has(Math.floor(unit / filters)) || !outputs?.has(unit % filters)) bits[unit] = 0;
    });
  }
  const channels = Object.fromEntries(all.map(({ id }) => [id, [...(kept.get(id) ?? [])]]));
  return { structure: { ...structure, channels }, kernels: masks };
}
