import { croppableGroups } from '../density/layers.ts';
import { type ChannelGroup, type Network, convolutionsOf, nodeOf, shapesOf } from '../network/index.ts';

/** A convolution as the granularities see it. Its kernel tensor is HWIO: index (tap * inputs + c) * outputs + d. */
export interface ConvLayer {
  readonly id: string;
  /** C: source maps. */
  readonly inputs: number;
  /** D: output maps. */
  readonly outputs: number;
  /** Side k of a kernel, and its k^2 taps, counted row by row from 0. */
  readonly kernel: number;
  readonly taps: number;
  /** P of one image: output positions. */
  readonly positions: number;
}

export function convLayer(network: Network, id: string): ConvLayer {
  const { input, filters, kernel } = nodeOf(network, id, 'conv');
  const shapes = shapesOf(network);
  const [height, width] = shapes.get(id) ?? [0, 0];
  return {
    id,
    inputs: shapes.get(input)?.[2] ?? 0,
    outputs: filters,
    kernel,
    taps: kernel ** 2,
    positions: height * width,
  };
}

/** Convolutions that read the image stay whole by default, as in the follow-up (section 3). */
const readsImage = (network: Network, id: string): boolean =>
  network.nodes.some((node) => node.op === 'input' && node.id === nodeOf(network, id, 'conv').input);

/** Convolutions whose kernels may be pruned: all but the first (section 3, the follow-up's Conv2 to the last). */
export const kernelLayers = (network: Network): readonly ConvLayer[] =>
  convolutionsOf(network)
    .filter(({ id }) => !readsImage(network, id))
    .map(({ id }) => convLayer(network, id));

/** Convolutions that may keep strided taps: all but the first and those of one tap (sections 4.5 and 13, ours). */
export const stridedLayers = (network: Network): readonly ConvLayer[] =>
  kernelLayers(network).filter(({ taps }) => taps > 1);

/** Channel groups whose maps may be pruned: those that convolutions alone write, but not the first one. */
export const mapGroups = (network: Network): readonly ChannelGroup[] =>
  croppableGroups(network).filter(({ producers }) => !producers.some((id) => readsImage(network, id)));
