import { crossing } from './crossing.ts';
import { type WidthProblem, used } from './widths.ts';

const SWEEPS = 1_000;
const STILL = 1e-13;
/** A layer that a score has emptied still counts as one weight in this many. */
const EMPTY = 1e-9;

export interface FitProblem extends WidthProblem {
  /** By group, the width of which a share is kept. */
  readonly channels: readonly number[];
  /** By layer, the density asked for and how much missing it counts. */
  readonly densities: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Fractional widths that come closest to layer-wise densities (section 3.5 B): weighted least squares on the logarithms,
 * then all widths that are not full times one factor, so that the budgets are just met. Where the full ones leave no room
 * for that, they are scaled too.
 */
export function fitWidths(problem: FitProblem): readonly number[] {
  const shares = leastSquares(problem);
  const start = shares.map((share, g) => share * (problem.channels[g] ?? 0));
  const cut = (width: number, g: number): boolean => width < (problem.groups[g]?.highest ?? 0);
  const scaled =
    (all: boolean) =>
    (factor: number): readonly number[] =>
      problem.groups.map(({ lowest, highest }, g) => {
        const width = start[g] ?? 0;
        return all || cut(width, g) ? Math.min(highest, Math.max(lowest, width * factor)) : highest;
      });
  const over = (widths: readonly number[]): number =>
    Math.max(...problem.costs.map((costs) => Math.log(used(problem, costs, widths))));
  const widths = over(scaled(false)(0)) <= 0 ? scaled(false) : scaled(true);
  // By the logarithm of the factor's inverse: the smaller the factor, the less is used.
  return widths(Math.exp(-crossing((inverse) => over(widths(Math.exp(-inverse))), Math.log(EMPTY), -Math.log(EMPTY))));
}

/** Shares, at most 1, whose products come closest to the densities; one group after the other until nothing moves. */
function leastSquares({ groups, layers, densities, weights }: FitProblem): readonly number[] {
  const logs = groups.map(() => 0);
  const places = groups.map((_, g) => layers.flatMap((scaling, l) => (scaling.includes(g) ? [l] : [])));
  // The inner width of a residual block: the geometric mean of its two convolutions' densities, whatever their sizes.
  const alone = places.map((own, g) => own.length === 2 && own.every((l) => layers[l]?.every((one) => one === g)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = 0;
    groups.forEach(({ reward }, g) => {
      if (reward === 0) return;
      let [wanted, total] = [0, 0];
      for (const l of places[g] ?? []) {
        const scaling = layers[l] ?? [];
        const times = scaling.filter((one) => one === g).length;
        const rest = scaling.reduce((sum, one) => sum + (one === g ? 0 : (logs[one] ?? 0)), 0);
        const target = Math.log(Math.max(EMPTY, densities[l] ?? 1)) - rest;
        const weight = alone[g] ? 1 : (weights[l] ?? 0);
        wanted += weight * times * target;
        total += weight * times * times;
      }
      const next = Math.min(0, total > 0 ? wanted / total : 0);
      moved = Math.max(moved, Math.abs(next - (logs[g] ?? 0)));
      logs[g] = next;
    });
    if (moved < STILL) break;
  }
  return logs.map(Math.exp);
}
