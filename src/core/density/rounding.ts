import { type WidthProblem, used } from './widths.ts';

/** What rounding adds to the widths' problem: by group, the whole widths that are allowed, ascending. */
export interface RoundingProblem extends WidthProblem {
  readonly allowed: readonly (readonly number[])[];
}

/** Relative overshoot of a budget that is floating point's doing. */
const SLACK = 1e-12;

/**
 * Whole widths within the budgets (section 3.5): the fractional ones rounded down, then the channels with the best gain
 * for their cost added until none fits, then exchanges (one step up here, as many down there as it takes, and refill)
 * as long as one improves the objective.
 */
export function roundWidths(
  problem: RoundingProblem,
  fractional: readonly number[],
  exchange: boolean,
): readonly number[] {
  let best = refill(problem, floored(problem, fractional));
  for (;;) {
    if (!exchange) return best.widths;
    const next = bestExchange(problem, best);
    if (!next) return best.widths;
    best = next;
  }
}

interface Choice {
  /** By group its place among the allowed widths, and that width. */
  readonly places: readonly number[];
  readonly widths: readonly number[];
  /** Share of each budget in use. */
  readonly uses: readonly number[];
}

function choose({ allowed, ...problem }: RoundingProblem, places: readonly number[]): Choice {
  const widths = places.map((place, g) => allowed[g]?.[place] ?? 0);
  return { places, widths, uses: problem.costs.map((costs) => used(problem, costs, widths)) };
}

function floored(problem: RoundingProblem, fractional: readonly number[]): Choice {
  const places = problem.allowed.map((widths, g) =>
    Math.max(
      0,
      widths.findLastIndex((width) => width <= (fractional[g] ?? 0)),
    ),
  );
  return choose(problem, places);
}

const within = (uses: readonly number[]): boolean => uses.every((use) => use <= 1 + SLACK);

const objective = ({ groups }: RoundingProblem, { widths }: Choice): number =>
  groups.reduce((sum, { reward }, g) => sum + reward * Math.log(widths[g] ?? 1), 0);

/** Moves one group by some places. */
const moved = (problem: RoundingProblem, choice: Choice, group: number, by: number): Choice =>
  choose(
    problem,
    choice.places.map((place, g) => (g === group ? place + by : place)),
  );

function refill(problem: RoundingProblem, start: Choice): Choice {
  let choice = start;
  for (;;) {
    let found: { choice: Choice; value: number } | null = null;
    for (const [g, { reward }] of problem.groups.entries()) {
      const width = problem.allowed[g]?.[(choice.places[g] ?? 0) + 1];
      if (width === undefined) continue;
      const wider = moved(problem, choice, g, 1);
      if (!within(wider.uses)) continue;
      const cost = wider.uses.reduce((sum, use, b) => sum + use - (choice.uses[b] ?? 0), 0);
      const value = (reward * Math.log(width / (choice.widths[g] ?? width))) / cost;
      if (!found || value > found.value) found = { choice: wider, value };
    }
    if (!found) return choice;
    choice = found.choice;
  }
}

function bestExchange(problem: RoundingProblem, from: Choice): Choice | null {
  let best: { choice: Choice | null; value: number } = { choice: null, value: objective(problem, from) + 1e-12 };
  for (const [up, allowed] of problem.allowed.entries()) {
    if ((from.places[up] ?? 0) + 1 >= allowed.length) continue;
    const wider = moved(problem, from, up, 1);
    for (const down of problem.groups.keys()) {
      if (down === up) continue;
      let trial = wider;
      while (!within(trial.uses) && (trial.places[down] ?? 0) > 0) trial = moved(problem, trial, down, -1);
      if (!within(trial.uses)) continue;
      trial = refill(problem, trial);
      const value = objective(problem, trial);
      if (value > best.value) best = { choice: trial, value };
    }
  }
  return best.choice;
}
