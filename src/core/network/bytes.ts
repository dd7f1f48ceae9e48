import { compact } from './compact.ts';
import type { Network } from './network.ts';
import { sizeOf } from './parameters.ts';
import type { Structure } from './structure.ts';

const FLOAT32 = 4;

/**
 * Bytes of the compact network's tensors as they are saved: float32 weights, biases, and scale, shift and running
 * statistics of norms. Taps that a strided pattern prunes are saved as zeros and counted; names and file headers are not.
 */
export const bytesOf = (network: Network, structure: Structure): number =>
  compact(network, structure).gathers.reduce((sum, gather) => sum + FLOAT32 * sizeOf(gather.compact.shape), 0);
