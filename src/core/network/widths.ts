import type { Network } from './network.ts';
import type { Widths } from './counts.ts';

/**
 * The same network with other widths: filters by convolution; what is not listed stays. Norms, depthwise convolutions and
 * readers follow. Layers that additions tie together must be given the same width.
 */
export function withWidths(network: Network, widths: Widths): Network {
  const nodes = network.nodes.map((node) =>
    node.op === 'conv' ? { ...node, filters: widths[node.id] ?? node.filters } : node,
  );
  return { ...network, nodes };
}
