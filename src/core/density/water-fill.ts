import { crossing } from './crossing.ts';

/** What a layer costs when it is whole. */
interface LayerSize {
  readonly weights: number;
  readonly macs: number;
}

/** Weights and multiply-adds that may stay in all; at least one of them. */
export interface DensityBudgets {
  readonly weights?: number;
  readonly macs?: number;
}

export interface WaterFill {
  /** Share of each layer's weights to keep, above 0 and at most 1, in the order of the layers. */
  readonly densities: readonly number[];
  /**
   * The level c: the weights (multiply-adds, where their budget is the one that binds) that every cut layer keeps. Null
   * when nothing is cut, and when both budgets bind.
   */
  readonly level: number | null;
}

/**
 * The densities with the largest sum of logarithms under the budgets, at most 1 each (section 3.4): min(1, c / n) for one
 * budget, min(1, 1 / (lambda n + mu f)) where both bind. Throws when no budget is given or one is not above 0.
 */
export function waterFill(layers: readonly LayerSize[], budgets: DensityBudgets): WaterFill {
  const given = (['weights', 'macs'] as const).flatMap((kind) => {
    const budget = budgets[kind];
    if (budget === undefined) return [];
    if (!(budget > 0)) throw new Error(`water filling needs a budget of ${kind} above 0, not ${budget}`);
    return [{ costs: layers.map((layer) => layer[kind] / budget), budget }];
  });
  const [first, second] = given;
  if (!first) throw new Error('water filling needs a budget of weights or of multiply-adds');

  for (const { costs, budget } of given) {
    const { densities, level } = fill(costs);
    const fits = given.every((other) => used(other.costs, densities) <= 1 + 1e-12);
    if (fits || !second) return { densities, level: level === null ? null : level * budget };
  }
  const mixed = (share: number): readonly number[] =>
    fill(first.costs.map((cost, l) => (1 - share) * cost + share * (second?.costs[l] ?? 0))).densities;
  // The more the second budget counts, the less of it is used: at some share both are used alike.
  const ahead = (share: number): number => {
    const densities = mixed(share);
    return used(second?.costs ?? [], densities) - used(first.costs, densities);
  };
  return { densities: mixed(crossing(ahead, 0, 1)), level: null };
}

const used = (costs: readonly number[], densities: readonly number[]): number =>
  costs.reduce((sum, cost, l) => sum + cost * (densities[l] ?? 0), 0);

/** min(1, level / cost), with the level at which the costs that stay add up to 1. */
function fill(costs: readonly number[]): WaterFill {
  // From the cheapest layer on: those below the level stay whole, and the others share alike what is left.
  const sorted = [...costs].sort((a, b) => a - b);
  let left = 1;
  for (const [whole, cost] of sorted.entries()) {
    const level = left / (sorted.length - whole);
    // A layer that reaches the level to floating point's last digits is whole.
    if (cost > level * (1 + 1e-12)) return { densities: costs.map((own) => Math.min(1, level / own)), level };
    left -= cost;
  }
  return { densities: costs.map(() => 1), level: null };
}
