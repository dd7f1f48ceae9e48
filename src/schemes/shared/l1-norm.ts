import type { Structure, Tensors } from '../../core/network/index.ts';
import { columnsOf, l1Norm } from './columns.ts';
import { type Layer, meanOverProducers } from './layers.ts';

/** Names of the layers' full-size kernels. */
export const kernelsOf = (layers: readonly Layer[]): string[] =>
  layers.flatMap(({ producers }) => producers.map(({ kernel }) => kernel));

/**
 * L1 norm of each filter over the input channels that `structure` keeps; the mean over the producers of tied layers.
 * `tensors` holds the full-size kernels.
 */
export const l1Norms = (layer: Layer, tensors: Tensors, structure: Structure): Float64Array =>
  meanOverProducers(layer, (producer) => columnsOf(producer, tensors, structure).map(l1Norm));
