import {
  type Network,
  type Structure,
  type Tensors,
  compact,
  convolutionsOf,
  forEachKept,
  sizeOf,
} from '../../core/network/index.ts';
import {
  type ConvLayer,
  type Masks,
  type Offsets,
  type PackedBits,
  convLayer,
  fitsBits,
  kernelMask,
  packBits,
  unconstrainedMask,
  unpackBits,
} from '../../core/sparsity/index.ts';

/** What is pruned beside the structure: weights that are zero but leave their layers as large as they are. */
export interface Held {
  /** By convolution a bit for each kernel of the full-size layer, at c * outputs + d: 1 where it is kept. */
  readonly kernels: Masks;
  /** Strided taps without the constraint: by convolution an offset for each kernel of the full-size layer. */
  readonly free: Offsets;
}

export const NOTHING: Held = { kernels: new Map(), free: new Map() };

/** What a stage finds or leaves. */
export interface Pruned {
  readonly structure: Structure;
  readonly held: Held;
}

/** Held masks as plain JSON. */
export interface PackedHeld {
  readonly kernels: Readonly<Record<string, PackedBits>>;
  readonly free: Readonly<Record<string, { readonly stride: number; readonly offsets: readonly number[] }>>;
}

export const packHeld = ({ kernels, free }: Held): PackedHeld => ({
  kernels: Object.fromEntries([...kernels].map(([id, bits]) => [id, packBits(bits)])),
  free: Object.fromEntries(free),
});

export const unpackHeld = ({ kernels, free }: PackedHeld): Held => ({
  kernels: new Map(Object.entries(kernels).map(([id, packed]) => [id, unpackBits(packed)])),
  free: new Map(Object.entries(free)),
});

/** Whether packed masks of others are those of convolutions of the network. */
export function fitsHeld(network: Network, { kernels, free }: PackedHeld): boolean {
  const layers = new Map(convolutionsOf(network).map(({ id }) => [id, convLayer(network, id)]));
  const fits = (id: string, of: (layer: ConvLayer) => boolean): boolean => {
    const layer = layers.get(id);
    return layer !== undefined && of(layer);
  };
  return (
    Object.entries(kernels).every(([id, packed]) =>
      fits(id, ({ inputs, outputs }) => fitsBits(packed, inputs * outputs)),
    ) &&
    Object.entries(free).every(([id, { stride, offsets }]) =>
      fits(
        id,
        ({ inputs, outputs, taps }) =>
          stride >= 1 && stride <= taps && offsets.length === inputs * outputs && offsets.every((at) => at < stride),
      ),
    )
  );
}

/** The 0/1 mask of a layer's full-size kernel: the product of what is held; null where nothing is. */
function heldMask(layer: ConvLayer, { kernels, free }: Held): Float32Array | null {
  const bits = kernels.get(layer.id);
  const pattern = free.get(layer.id);
  const whole = bits ? kernelMask(layer, bits) : null;
  const taps = pattern ? unconstrainedMask(layer, pattern) : null;
  return whole && taps ? whole.map((bit, i) => bit * (taps[i] ?? 0)) : (whole ?? taps);
}

/** By kernel tensor the masks that are held. */
export function heldMasks(network: Network, held: Held): Tensors {
  const ids = new Set([...held.kernels.keys(), ...held.free.keys()]);
  return new Map(
    [...ids].flatMap((id): [string, Float32Array][] => {
      const mask = heldMask(convLayer(network, id), held);
      return mask ? [[`${id}/kernel`, mask]] : [];
    }),
  );
}

/**
 * By tensor name 1 for each weight that survives (its maps, its kernel and its tap are kept), full-size. Throws when a
 * name is none of the network's.
 */
export function survivingMasks(network: Network, { structure, held }: Pruned, names: readonly string[]): Tensors {
  const { gathers } = compact(network, structure);
  const masks = heldMasks(network, held);
  return new Map(
    names.map((name) => {
      const gather = gathers.find(({ full }) => full.name === name);
      if (!gather) throw new Error(`sparsity: the network ${network.id} has no tensor "${name}"`);
      const surviving = new Float32Array(sizeOf(gather.full.shape));
      const mask = masks.get(name);
      forEachKept(gather, (_, index) => {
        surviving[index] = mask?.[index] ?? 1;
      });
      return [name, surviving];
    }),
  );
}

/** The tensors with zeros where the masks of their names have them. */
export const masked = (tensors: Tensors, masks: Tensors): Tensors =>
  new Map(
    [...tensors].map(([name, values]) => {
      const mask = masks.get(name);
      return [name, mask ? values.map((value, i) => value * (mask[i] ?? 0)) : values];
    }),
  );
