import {
  type Network,
  type Structure,
  type TapPattern,
  groupByNode,
  groupsOf,
  keepsTap,
  keptOf,
  keptTaps,
  nodeOf,
} from '../../core/network/index.ts';
import {
  type ConvLayer,
  type LoweredSize,
  type StageLayer,
  convLayer,
  kernelLayers,
  unpackBits,
} from '../../core/sparsity/index.ts';

/** What is left of one convolution: whole maps, strided taps by the structure, and what masks set to zero. */
export interface LayerPicture {
  readonly layer: ConvLayer;
  /** By source map and by output map of the full-size layer, whether it is still there. */
  readonly inputs: readonly boolean[];
  readonly outputs: readonly boolean[];
  /** Strided taps that every kernel of a source map keeps; null where the structure keeps all taps. */
  readonly taps: TapPattern | null;
  /** Kernel-wise mask: 1 where a kernel is kept, at c * outputs + d; null without. */
  readonly kernels: Uint8Array | null;
  /** Strided taps without the constraint: an offset for each kernel, at c * outputs + d; null without. */
  readonly free: TapPattern | null;
}

/** The convolution `id` under a structure and the masks that the last stage told of it. */
export function pictureOf(
  network: Network,
  structure: Structure,
  id: string,
  masks: Pick<StageLayer, 'kernels' | 'free'> = {},
): LayerPicture {
  const layer = convLayer(network, id);
  const groups = groupByNode(groupsOf(network));
  const flags = (node: string, count: number): readonly boolean[] => {
    const group = groups.get(node);
    const kept = group ? new Set(keptOf(structure, group)) : null;
    return Array.from({ length: count }, (_, index) => kept?.has(index) ?? true);
  };
  return {
    layer,
    inputs: flags(nodeOf(network, id, 'conv').input, layer.inputs),
    outputs: flags(id, layer.outputs),
    taps: structure.taps?.[id] ?? null,
    kernels: masks.kernels ? unpackBits(masks.kernels) : null,
    free: masks.free ?? null,
  };
}

/** The eligible convolution with the most output maps, of equal ones that with the most source maps. */
export function widestLayer(network: Network): string | null {
  const [first, ...more] = kernelLayers(network);
  const wider = (a: ConvLayer, b: ConvLayer): boolean =>
    b.outputs > a.outputs || (b.outputs === a.outputs && b.inputs > a.inputs);
  return first ? more.reduce((widest, layer) => (wider(widest, layer) ? layer : widest), first).id : null;
}

/** Whether the kernel from source map c to output map d is there and not masked. */
export const keepsKernel = ({ layer, inputs, outputs, kernels }: LayerPicture, c: number, d: number): boolean =>
  inputs[c] === true && outputs[d] === true && (kernels === null || kernels[c * layer.outputs + d] === 1);

/** Whether a weight survives: its kernel does, and its tap. */
export const keepsWeight = (picture: LayerPicture, c: number, d: number, tap: number): boolean => {
  const { layer, taps, free } = picture;
  return (
    keepsKernel(picture, c, d) &&
    (taps === null || keepsTap(taps, c, tap)) &&
    (free === null || keepsTap(free, c * layer.outputs + d, tap))
  );
};

/** Taps that a kernel keeps, if it survives, ascending. */
export function tapsOf({ layer, taps, free }: LayerPicture, c: number, d: number): readonly number[] {
  const all = taps ? keptTaps(taps.stride, taps.offsets[c] ?? 0, layer.taps) : [...Array(layer.taps).keys()];
  if (!free) return all;
  return all.filter((tap) => keepsTap(free, c * layer.outputs + d, tap));
}

/**
 * By row of the lowered feature maps, at c * taps + tap: whether the matrix product still has it, that is whether the
 * structure keeps its source map and tap. Masks set weights to zero and leave the rows.
 */
export function keptRows({ layer, inputs, taps }: LayerPicture): readonly boolean[] {
  return Array.from({ length: layer.inputs * layer.taps }, (_, row) => {
    const c = Math.floor(row / layer.taps);
    return inputs[c] === true && (taps === null || keepsTap(taps, c, row % layer.taps));
  });
}

/** By row, in the same order: whether any weight that reads it survives, so that a product of these weights needs it. */
export function neededRows(picture: LayerPicture): readonly boolean[] {
  const { layer } = picture;
  return keptRows(picture).map((kept, row) => {
    if (!kept) return false;
    const c = Math.floor(row / layer.taps);
    return picture.outputs.some((_, d) => keepsWeight(picture, c, d, row % layer.taps));
  });
}

/** The matrix product of one image that is carried out: D x K' times K' x P. */
export function productOf(picture: LayerPicture, rows: readonly boolean[] = keptRows(picture)): LoweredSize {
  const outputs = picture.outputs.filter(Boolean).length;
  const count = rows.filter(Boolean).length;
  const { positions } = picture.layer;
  return { outputs, rows: count, positions, macs: outputs * count * positions };
}

/** The same of the dense layer. */
export function denseProduct({ layer: { inputs, outputs, taps, positions } }: LayerPicture): LoweredSize {
  return { outputs, rows: inputs * taps, positions, macs: outputs * inputs * taps * positions };
}

export function survivingWeights(picture: LayerPicture): number {
  let count = 0;
  for (let c = 0; c < picture.layer.inputs; c++) {
    const shared = picture.free ? null : tapsOf(picture, c, 0).length;
    for (let d = 0; d < picture.layer.outputs; d++) {
      if (keepsKernel(picture, c, d)) count += shared ?? tapsOf(picture, c, d).length;
    }
  }
  return count;
}

/** Whether masks set weights to zero that the matrix product has. */
export function hasMaskedWeights(picture: LayerPicture): boolean {
  const { outputs, rows } = productOf(picture);
  return survivingWeights(picture) < outputs * rows;
}
