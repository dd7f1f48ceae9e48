import { crossing } from './crossing.ts';

/** A channel group whose width is sought. */
export interface WidthGroup {
  /** How often the objective counts ln(width): its places in layers that count (section 3.5, r_g). */
  readonly reward: number;
  readonly lowest: number;
  readonly highest: number;
}

/** Widths with the largest sum of rewards times logarithms, under budgets that products of widths use up. */
export interface WidthProblem {
  readonly groups: readonly WidthGroup[];
  /** For each layer the groups (their places in `groups`) that scale it; twice where one is both input and output. */
  readonly layers: readonly (readonly number[])[];
  /** For each budget, the share of it that a layer uses for a product of widths of 1. */
  readonly costs: readonly (readonly number[])[];
}

/** Sweeps over all groups at one price at most, and the relative change below which nothing moves. */
const SWEEPS = 1_000;
const STILL = 1e-13;

/** Share of a budget that these widths use. */
export function used({ layers }: WidthProblem, costs: readonly number[], widths: readonly number[]): number {
  let sum = 0;
  layers.forEach((groups, l) => {
    let product = costs[l] ?? 0;
    for (const group of groups) product *= widths[group] ?? 0;
    sum += product;
  });
  return sum;
}

/**
 * Fractional widths, in the order of the groups (section 3.5 A). With two budgets of which neither alone is enough, the
 * mix of both costs is sought that uses them alike. The budgets must allow the lowest widths.
 */
export function solveWidths(problem: WidthProblem): readonly number[] {
  const [first = [], second] = problem.costs;
  for (const costs of problem.costs) {
    const widths = solveOne(problem, costs);
    const fits = problem.costs.every((other) => used(problem, other, widths) <= 1 + 1e-12);
    if (fits || !second) return widths;
  }
  const mixed = (share: number): readonly number[] =>
    solveOne(
      problem,
      first.map((cost, l) => (1 - share) * cost + share * (second?.[l] ?? 0)),
    );
  // The more the second budget counts, the less of it is used: at some share both are used alike.
  const ahead = (share: number): number => {
    const widths = mixed(share);
    return used(problem, second ?? [], widths) - used(problem, first, widths);
  };
  return mixed(crossing(ahead, 0, 1));
}

/** One budget: widths at the price at which it is used up, or the highest ones where these fit. */
function solveOne(problem: WidthProblem, costs: readonly number[]): readonly number[] {
  const places = placesOf(problem);
  const sweeps = places.some((own) => own.some(({ other }) => other !== null)) ? SWEEPS : 1;
  const widths = problem.groups.map(({ highest }) => highest);
  if (used(problem, costs, widths) <= 1) return widths;
  const at = (price: number): number => {
    ascend(problem, places, costs, Math.exp(price), widths, sweeps);
    return used(problem, costs, widths);
  };
  // From a price so low that every group has its highest width to one so high that every group has its lowest.
  at(crossing((price) => Math.log(at(price)), Math.log(1e-9), Math.log(1e9)));
  return widths;
}

/** A layer that a group scales, once or twice, and the other group that does, if any. */
interface Place {
  readonly layer: number;
  readonly twice: boolean;
  readonly other: number | null;
}

function placesOf({ groups, layers }: WidthProblem): readonly (readonly Place[])[] {
  return groups.map((_, group) =>
    layers.flatMap((scaling, layer): Place[] => {
      if (!scaling.includes(group)) return [];
      const other = scaling.find((one) => one !== group) ?? null;
      return [{ layer, twice: other === null && scaling.length === 2, other }];
    }),
  );
}

/**
 * At a price for the budget: the best width of one group after the other, until nothing moves (one sweep where no layer
 * couples two groups). Changes `widths`.
 */
function ascend(
  { groups }: WidthProblem,
  places: readonly (readonly Place[])[],
  costs: readonly number[],
  price: number,
  widths: number[],
  sweeps: number,
): void {
  for (let sweep = 0; sweep < sweeps; sweep++) {
    let moved = 0;
    groups.forEach(({ reward, lowest, highest }, g) => {
      let [once, twice] = [0, 0];
      for (const place of places[g] ?? []) {
        const cost = (costs[place.layer] ?? 0) * (place.other === null ? 1 : (widths[place.other] ?? 0));
        if (place.twice) twice += cost;
        else once += cost;
      }
      const worth = reward / price;
      const best = twice > 0 ? (Math.sqrt(once * once + 8 * twice * worth) - once) / (4 * twice) : worth / once;
      const width = Math.min(highest, Math.max(lowest, best));
      moved = Math.max(moved, Math.abs(width / (widths[g] ?? width) - 1));
      widths[g] = width;
    });
    if (moved < STILL) return;
  }
}
