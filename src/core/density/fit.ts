import { crossing } from './crossing.ts';
import type { CropProblem } from './problem.ts';
import { used } from './widths.ts';

/** Sweeps over all groups at most, and the change of a logarithm below which nothing moves. */
const SWEEPS = 1_000;
const STILL = 1e-13;
/** What stands for the density of a layer that a score has emptied. */
const EMPTY = 1e-9;

/**
 * Fractional widths that come closest to layer-wise densities (section 3.5 B): weighted least squares on the logarithms,
 * then all widths that are not full times one factor, so that the budgets are just met. Where the full ones leave no room
 * for that, they are scaled too. Layers without a density count as dense.
 */
export function fitWidths(problem: CropProblem, densities: ReadonlyMap<string, number>): readonly number[] {
  const shares = leastSquares(problem, densities);
  const start = problem.croppable.map(({ channels }, g) => channels * (shares[g] ?? 1));
  const scaled =
    (all: boolean) =>
    (factor: number): readonly number[] =>
      problem.groups.map(({ lowest, highest }, g) => {
        const width = start[g] ?? highest;
        return all || width < highest ? Math.min(highest, Math.max(lowest, width * factor)) : highest;
      });
  const over = (widths: readonly number[]): number =>
    Math.max(...problem.costs.map((costs) => Math.log(used(problem, costs, widths))));
  const widths = over(scaled(false)(0)) <= 0 ? scaled(false) : scaled(true);
  // By the logarithm of the factor's inverse: the smaller the factor, the less is used.
  return widths(Math.exp(-crossing((inverse) => over(widths(Math.exp(-inverse))), Math.log(EMPTY), -Math.log(EMPTY))));
}

/** Shares, at most 1, whose products come closest to the densities; one group after the other until nothing moves. */
function leastSquares(
  { croppable, groups, layers, sizes }: CropProblem,
  densities: ReadonlyMap<string, number>,
): readonly number[] {
  const logs = croppable.map(() => 0);
  const places = croppable.map((_, g) => layers.flatMap((scaling, l) => (scaling.includes(g) ? [l] : [])));
  // The inner width of a residual block: the geometric mean of its two convolutions' densities, whatever their sizes.
  const alone = places.map((own, g) => own.length === 2 && own.every((l) => layers[l]?.every((one) => one === g)));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = 0;
    groups.forEach(({ reward }, g) => {
      if (reward === 0) return;
      let [wanted, total] = [0, 0];
      for (const l of places[g] ?? []) {
        const [scaling, size] = [layers[l] ?? [], sizes[l]];
        const times = scaling.filter((one) => one === g).length;
        const rest = scaling.reduce((sum, one) => sum + (one === g ? 0 : (logs[one] ?? 0)), 0);
        const target = Math.log(Math.max(EMPTY, densities.get(size?.id ?? '') ?? 1)) - rest;
        const weight = alone[g] ? 1 : (size?.weights ?? 0);
        wanted += weight * times * target;
        total += weight * times * times;
      }
      const next = Math.min(0, wanted / total);
      moved = Math.max(moved, Math.abs(next - (logs[g] ?? 0)));
      logs[g] = next;
    });
    if (moved < STILL) break;
  }
  return logs.map(Math.exp);
}
