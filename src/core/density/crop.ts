import { fitWidths } from './fit.ts';
import type { DensityLayer } from './layers.ts';
import { type CropRequest, allowances, problemOf, sizeAt } from './problem.ts';
import { roundWidths } from './rounding.ts';
import { waterFill } from './water-fill.ts';
import { solveWidths } from './widths.ts';

export interface Crop {
  /** By croppable group the share of its width to keep (q_g), before rounding, and the whole channels that are kept. */
  readonly shares: ReadonlyMap<string, number>;
  readonly widths: ReadonlyMap<string, number>;
  /** Target of each layer: those given, else the optimal ones of section 3.4, with PreConfig the fractional widths'. */
  readonly densities: ReadonlyMap<string, number>;
  /** The level c of section 3.4; null with densities given, with PreConfig, and where nothing is cut or both budgets bind. */
  readonly level: number | null;
  /** Weights and multiply-adds of the rounded network: convolutions and dense layers, as countNetwork has them. */
  readonly weights: number;
  readonly macs: number;
  /** Sum of the logarithms of the rounded network's densities, without shortcuts. */
  readonly objective: number;
}

/**
 * The widths that PreCrop trains. Weights are counted as the lab counts parameters (convolution and dense weights, no
 * norms and biases), so a network that meets the budget here meets it in the run's own count. Throws an
 * InfeasibleBudgetError when the smallest widths exceed a budget, and a sentence when the request contradicts itself.
 */
export function crop(request: CropRequest): Crop {
  const { budgets, densities: given, preConfig } = request;
  const problem = problemOf(request);
  const { croppable, sizes } = problem;
  const fractional = given ? fitWidths(problem, given) : solveWidths(problem);
  const whole = roundWidths({ ...problem, fractional, near: given ? 'fractional' : 'objective' });

  const byGroup = (values: (channels: number, g: number) => number): ReadonlyMap<string, number> =>
    new Map(croppable.map(({ id, channels }, g) => [id, values(channels, g)]));
  const shares = byGroup((channels, g) => (fractional[g] ?? channels) / channels);
  const kept = byGroup((channels, g) => (whole[g] ?? channels) / channels);
  const ideal = given || preConfig ? null : waterFill(sizes, allowances(sizes, budgets));
  return {
    shares,
    widths: byGroup((channels, g) => whole[g] ?? channels),
    densities: new Map(
      sizes.map((layer, l) => [layer.id, given?.get(layer.id) ?? ideal?.densities[l] ?? densityAt(layer, shares)]),
    ),
    level: ideal?.level ?? null,
    weights: sizeAt(problem, 'weights', whole),
    macs: sizeAt(problem, 'macs', whole),
    objective: sizes.reduce((sum, layer) => sum + (layer.shortcut ? 0 : Math.log(densityAt(layer, kept))), 0),
  };
}

/** A layer's share of its weights, at these shares of its groups' widths. */
const densityAt = (layer: DensityLayer, shares: ReadonlyMap<string, number>): number =>
  layer.groups.reduce((product, id) => product * (shares.get(id) ?? 1), 1);
