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

/** Whole widths on their way; sizes are updated by difference, since thousands of widths are tried. */
class Rounding {
  readonly #problem: RoundingProblem;
  /** By group its place among the allowed widths. */
  readonly #places: number[];
  /** By budget the share in use. */
  readonly #uses: number[];
  /** By group the layers it scales. */
  readonly #scaled: readonly (readonly number[])[];
  /** By group what tells it from others that no choice could tell apart. */
  readonly #kinds: readonly string[];

  constructor(problem: RoundingProblem, copied?: Rounding) {
    this.#problem = problem;
    const { allowed, fractional, layers } = problem;
    const floor = (widths: readonly number[], g: number): number =>
      Math.max(
        0,
        widths.findLastIndex((width) => width <= (fractional[g] ?? 0)),
      );
    this.#places = copied ? [...copied.#places] : allowed.map(floor);
    this.#uses = copied ? [...copied.#uses] : problem.costs.map((costs) => used(problem, costs, this.widths));
    this.#scaled = copied
      ? copied.#scaled
      : allowed.map((_, g) => layers.flatMap((groups, l) => (groups.includes(g) ? [l] : [])));
    this.#kinds = copied ? copied.#kinds : allowed.map((_, g) => this.#kindOf(g));
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
        if (!this.#canStep(group, 1)) continue;
        const change = this.#change(group, 1);
        if (!this.#fits(change)) continue;
        const worth = this.#worth(group, change);
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
        const pair = `${this.#kinds[up]} ${this.#places[up]} ${this.#kinds[down]} ${this.#places[down]}`;
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

  #kindOf(group: number): string {
    const { layers, costs, groups, allowed } = this.#problem;
    const own = this.#scaled[group] ?? [];
    if (own.some((layer) => layers[layer]?.some((one) => one !== group))) return `group ${group}`;
    const sizes = own.map((layer) => costs.map((cost) => cost[layer]));
    return JSON.stringify([groups[group]?.reward, allowed[group]?.[0], allowed[group]?.at(-1), sizes, own.length]);
  }

  #width(group: number, by = 0): number {
    return this.#problem.allowed[group]?.[(this.#places[group] ?? 0) + by] ?? 0;
  }

  #canStep(group: number, by: 1 | -1): boolean {
    const place = (this.#places[group] ?? 0) + by;
    return place >= 0 && place < (this.#problem.allowed[group]?.length ?? 0);
  }

  #step(group: number, by: 1 | -1): void {
    this.#change(group, by).forEach((change, b) => (this.#uses[b] = (this.#uses[b] ?? 0) + change));
    this.#places[group] = (this.#places[group] ?? 0) + by;
  }

  /** By budget, what a step changes of its use. */
  #change(group: number, by: 1 | -1): number[] {
    const { layers, costs } = this.#problem;
    const [from, to] = [this.#width(group), this.#width(group, by)];
    return costs.map((cost) => {
      let change = 0;
      for (const layer of this.#scaled[group] ?? []) {
        let [before, after] = [cost[layer] ?? 0, cost[layer] ?? 0];
        for (const one of layers[layer] ?? []) {
          before *= one === group ? from : this.#width(one);
          after *= one === group ? to : this.#width(one);
        }
        change += after - before;
      }
      return change;
    });
  }

  #fits(change: readonly number[] = []): boolean {
    return this.#uses.every((use, b) => use + (change[b] ?? 0) <= 1 + SLACK);
  }

  #worth(group: number, change: readonly number[]): number {
    const { groups, near, fractional } = this.#problem;
    if (near === 'fractional') return (fractional[group] ?? 0) - this.#width(group);
    const gain = (groups[group]?.reward ?? 0) * Math.log(this.#width(group, 1) / this.#width(group));
    return gain / change.reduce((sum, one) => sum + one, 0);
  }

  #objective(): number {
    return this.#problem.groups.reduce((sum, { reward }, g) => sum + reward * Math.log(this.#width(g)), 0);
  }
}
