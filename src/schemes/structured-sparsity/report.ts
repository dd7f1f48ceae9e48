import { type Network, denseStructure } from '../../core/network/index.ts';
import { networkBits } from '../../core/quantise/index.ts';
import {
  type ChoiceReport,
  type LayerSize,
  type StageLayer,
  type StageReport,
  type UnitTotal,
  kernelLayers,
  packBits,
  prunedShares,
} from '../../core/sparsity/index.ts';
import { type Quantisers, bitsOf } from './fixed-point.ts';
import { type Held, NOTHING, type Pruned } from './held.ts';
import { sizesOf } from './sizes.ts';

export interface StageOutcome {
  readonly index: number;
  readonly granularity: StageReport['granularity'];
  readonly chosen: ChoiceReport | null;
  readonly units: UnitTotal | null;
  readonly after: Pruned;
  readonly quantisers: Quantisers;
}

/** What a stage did and left. Eligible are all convolutions but the first, whatever the stage prunes (section 3, the follow-up's). */
export function reportOf(network: Network, outcome: StageOutcome): StageReport {
  const { index, granularity, chosen, units, after, quantisers } = outcome;
  const before = sizesOf(network, { structure: denseStructure(network), held: NOTHING });
  const now = sizesOf(network, after);
  const eligible = new Set(kernelLayers(network).map(({ id }) => id));
  const bits = new Map([...quantisers].map(([name, quantiser]) => [layerOf(name), bitsOf(quantiser)]));
  return {
    index,
    granularity,
    chosen,
    units,
    shares: prunedShares(before, now, eligible),
    layers: before.map((dense, i): StageLayer => {
      const left = now[i] ?? dense;
      return {
        ...sizesIn(dense, left),
        eligible: eligible.has(dense.layer),
        ...masksIn(dense.layer, after.held, quantisers),
      };
    }),
    structure: after.structure,
    storage: {
      dense: networkBits(before),
      compact: networkBits(now),
      quantised: quantisers.size > 0 ? networkBits(now, bits) : null,
    },
  };
}

const layerOf = (kernel: string): string => kernel.slice(0, -'/kernel'.length);

const sizesIn = (dense: LayerSize, left: LayerSize) => ({
  layer: dense.layer,
  weights: { dense: dense.weights, kept: left.weights },
  macs: { dense: dense.macs, kept: left.macs },
  lowered: dense.lowered && left.lowered ? { dense: dense.lowered, kept: left.lowered } : null,
});

function masksIn(layer: string, held: Held, quantisers: Quantisers): Partial<StageLayer> {
  const [kernels, free, quantiser] = [held.kernels.get(layer), held.free.get(layer), quantisers.get(`${layer}/kernel`)];
  return {
    ...(kernels ? { kernels: packBits(kernels) } : {}),
    ...(free ? { free } : {}),
    ...(quantiser ? { quantiser: { bits: bitsOf(quantiser), step: quantiser.step } } : {}),
  };
}
