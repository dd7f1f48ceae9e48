import { type WidthProblem, used } from './widths.ts';

/** What rounding adds to the widths' problem. */
export interface RoundingProblem extends WidthProblem {
  /** By group the whole widths that are allowed, ascending. */
  readonly allowed: readonly (readonly number[])[];
  /** By group the fractional width. */
  readonly fractional: readonly number[];
  /** What whole widths are to be near: the objective's optimum, or the fractional widths themselves. */
  readonly near: 'objective' | 'fractional';
}

/** Relative overshoot of a budget that is floating point's doing, and gains that are. */
const SLACK = 1e-12;
/** Steps up that one exchange tries at most. */
const UP = 3;

/**
 * Whole widths within the budgets (section 3.5), by group: the fractional ones rounded down, then one step after the
 * other added where it is worth most, until none fits. Near the objective that is the gain for the cost, and exchanges
 * follow (a few steps up here, as many down there as it takes, and refill) as long as one improves it. Near fractional widths
 * it is the step that most is missing of, and nothing is exchanged: that would give up the densities.
 */
export function roundWidths(problem: RoundingProblem): readonly number[] {
  const rounding = new Rounding(problem).trim().refill();
  return problem.near === 'objective' ? rounding.exchange().widths : rounding.widths;
}

/** What a group's layers cost for each of its channels, by budget; `twice` where it is both input and output. */
interface Slope {
  readonly once: readonly number[];
  readonly twice: readonly number[];
}

/** Whole widths on their way; sizes are updated by difference, since thousands of widths are tried. */
class Rounding {
  readonly #problem: RoundingProblem;
  /** By group its place among the allowed widths. */
  readonly #places: number[];
  /** By budget the share in use. */
  readonly #uses: number[];
  /** By group, at the present widths of the others. */
  readonly #slopes: Slope[];
  readonly #coupled: readonly Coupling[];

  constructor(problem: RoundingProblem, copied?: Rounding) {
    this.#problem = problem;
    const { allowed, fractional } = problem;
    const floor = (widths: readonly number[], g: number): number =>
      Math.max(
        0,
        widths.findLastIndex((width) => width <= (fractional[g] ?? 0)),
      );
    this.#places = copied ? [...copied.#places] : allowed.map(floor);
    this.#uses = copied ? [...copied.#uses] : problem.costs.map((costs) => used(problem, costs, this.widths));
    this.#coupled = copied ? copied.#coupled : couplingsOf(problem);
    this.#slopes = copied ? [...copied.#slopes] : allowed.map((_, g) => this.#slopeOf(g));
  }

  get widths(): readonly number[] {
    return this.#places.map((place, g) => this.#problem.allowed[g]?.[place] ?? 0);
  }

  /** Steps the widest groups down until all fit: fractional widths may be over a budget in their last digits. */
  trim(): this {
    while (!this.#fits()) {
      const open = [...this.#places.keys()].filter((group) => this.#canStep(group, -1));
      if (open.length === 0) return this;
      this.#step(
        open.reduce((best, group) => (this.#width(group) > this.#width(best) ? group : best)),
        -1,
      );
    }
    return this;
  }

  /** Adds one step after the other, the one that is worth most first (of equal ones the first group's). */
  refill(): this {
    for (;;) {
      let best: { group: number; worth: number } | null = null;
      for (const group of this.#places.keys()) {
        if (!this.#canStep(group, 1) || !this.#fits(group)) continue;
        const worth = this.#worth(group);
        if (!best || worth > best.worth) best = { group, worth };
      }
      if (!best) return this;
      this.#step(best.group, 1);
    }
  }

  /** Makes the best exchange, again and again while one improves the objective. */
  exchange(): Rounding {
    let [best, value] = [this as Rounding, this.#objective()];
    const tried = new Set<string>();
    for (const up of this.#places.keys()) {
      if (!this.#canStep(up, 1)) continue;
      for (const down of this.#places.keys()) {
        if (down === up || !this.#canStep(down, -1)) continue;
        // The blocks of a stage are alike: one exchange between two of a kind stands for all.
        const pair = `${this.#coupled[up]?.kind} ${this.#places[up]} ${this.#coupled[down]?.kind} ${this.#places[down]}`;
        if (tried.has(pair)) continue;
        tried.add(pair);
        for (let steps = 1; steps <= UP; steps++) {
          const trial = this.#exchanged(up, down, steps);
          if (!trial) break;
          const gained = trial.refill().#objective();
          if (gained > value + SLACK) [best, value] = [trial, gained];
        }
      }
    }
    return best === this ? this : best.exchange();
  }

  #exchanged(up: number, down: number, steps: number): Rounding | null {
    const trial = new Rounding(this.#problem, this);
    for (let i = 0; i < steps; i++) {
      if (!trial.#canStep(up, 1)) return null;
      trial.#step(up, 1);
    }
    while (!trial.#fits() && trial.#canStep(down, -1)) trial.#step(down, -1);
    return trial.#fits() ? trial : null;
  }

  #slopeOf(group: number): Slope {
    const { layers, costs } = this.#problem;
    const slope = { once: costs.map(() => 0), twice: costs.map(() => 0) };
    for (const layer of this.#coupled[group]?.layers ?? []) {
      const scaling = layers[layer] ?? [];
      const rest = scaling.reduce((product, one) => (one === group ? product : product * this.#width(one)), 1);
      const sums = scaling.filter((one) => one === group).length > 1 ? slope.twice : slope.once;
      costs.forEach((cost, b) => (sums[b] = (sums[b] ?? 0) + (cost[layer] ?? 0) * rest));
    }
    return slope;
  }

  #width(group: number, by = 0): number {
    return this.#problem.allowed[group]?.[(this.#places[group] ?? 0) + by] ?? 0;
  }

  #canStep(group: number, by: 1 | -1): boolean {
    const place = (this.#places[group] ?? 0) + by;
    return place >= 0 && place < (this.#problem.allowed[group]?.length ?? 0);
  }

  #step(group: number, by: 1 | -1): void {
    for (let b = 0; b < this.#uses.length; b++) this.#uses[b] = (this.#uses[b] ?? 0) + this.#change(group, by, b);
    this.#places[group] = (this.#places[group] ?? 0) + by;
    for (const other of this.#coupled[group]?.others ?? []) this.#slopes[other] = this.#slopeOf(other);
  }

  /** What a step changes of a budget's use. */
  #change(group: number, by: 1 | -1, budget: number): number {
    const [from, to] = [this.#width(group), this.#width(group, by)];
    const slope = this.#slopes[group];
    return (to - from) * ((slope?.once[budget] ?? 0) + (slope?.twice[budget] ?? 0) * (to + from));
  }

  /** Whether the budgets hold, also after one step up of a group where one is given. */
  #fits(group?: number): boolean {
    for (let b = 0; b < this.#uses.length; b++) {
      const change = group === undefined ? 0 : this.#change(group, 1, b);
      if ((this.#uses[b] ?? 0) + change > 1 + SLACK) return false;
    }
    return true;
  }

  /** What a step up of a group is worth. */
  #worth(group: number): number {
    const { groups, near, fractional } = this.#problem;
    if (near === 'fractional') return (fractional[group] ?? 0) - this.#width(group);
    const gain = (groups[group]?.reward ?? 0) * Math.log(this.#width(group, 1) / this.#width(group));
    return gain / this.#uses.reduce((sum, _, b) => sum + this.#change(group, 1, b), 0);
  }

  #objective(): number {
    return this.#problem.groups.reduce((sum, { reward }, g) => sum + reward * Math.log(this.#width(g)), 0);
  }
}

/** The layers that a group scales, the other groups that scale them too, and the first group that is just like it. */
interface Coupling {
  readonly layers: readonly number[];
  readonly others: readonly number[];
  readonly kind: number;
}

function couplingsOf({ layers, costs, groups, allowed }: RoundingProblem): readonly Coupling[] {
  const kinds = new Map<string, number>();
  return groups.map(({ reward }, group) => {
    const own = layers.flatMap((scaling, layer) => (scaling.includes(group) ? [layer] : []));
    const others = new Set(own.flatMap((layer) => (layers[layer] ?? []).filter((one) => one !== group)));
    const sizes = own.map((layer) => [layers[layer]?.length, ...costs.map((cost) => cost[layer])]);
    const like = JSON.stringify([reward, allowed[group]?.[0], allowed[group]?.at(-1), sizes]);
    if (others.size === 0 && !kinds.has(like)) kinds.set(like, group);
    return { layers: own, others: [...others], kind: others.size === 0 ? (kinds.get(like) ?? group) : group };
  });
}
