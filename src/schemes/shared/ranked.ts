import * as v from 'valibot';
import { type Structure, type Tensors, denseStructure } from '../../core/network/index.ts';
import type { UpdateRule } from '../../core/scheme/rules.ts';
import type { Decision, Scheme, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import type { OptionField } from '../../core/spec/options.ts';
import type { Budget } from '../../core/spec/spec.ts';
import type { Criterion, MakeCriterion, Moment } from './criterion.ts';
import { type Layer, convolutionsIn, cuttableLayers } from './layers.ts';
import { type RankingDefaults, checkSchedule, rankingOptions } from './options.ts';
import { explainSelection } from './reasons.ts';
import { savedState } from './saved-state.ts';
import { type PruningSchedule, keepAfter, pruningAt, scheduleOf } from './schedule.ts';
import { type SelectionRule, localCounts, selectChannels } from './select.ts';

export interface RankingScheme extends Pick<Scheme, 'id' | 'title' | 'paper' | 'summary'> {
  readonly defaults: RankingDefaults;
  /** The scheme's own options, before those that all ranking schemes share. */
  readonly options?: readonly OptionField[];
  readonly criterion: MakeCriterion;
}

/** A scheme that prunes the channels with the lowest scores: only the scores are its own. */
export function rankingScheme({ defaults, options = [], criterion, ...about }: RankingScheme): Scheme {
  return {
    ...about,
    budgets: ['channels', 'macs', 'parameters'],
    options: [...options, ...rankingOptions(defaults)],
    check: checkSchedule,
    start: (context) => new RankedRun(context, criterion),
  };
}

/** How many prunings are done, and what the criterion remembers. */
const stateSchema = v.object({
  done: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  criterion: v.optional(v.unknown(), null),
});

/** One run of a ranking scheme. Throws a sentence naming the key when the network or the budget does not suit it. */
class RankedRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly rules?: () => ReadonlyMap<string, UpdateRule>;
  readonly #context: SchemeContext;
  readonly #layers: readonly Layer[];
  readonly #criterion: Criterion;
  readonly #schedule: PruningSchedule;
  readonly #rule: SelectionRule;
  /** Prunings made. */
  #done = 0;

  constructor(context: SchemeContext, make: MakeCriterion) {
    const { network, options } = context;
    this.#context = context;
    this.#layers = cuttableLayers(network);
    this.prunable = convolutionsIn(network, this.#layers);
    this.#criterion = make(context, this.#layers);
    this.#schedule = scheduleOf(options);
    this.#rule = {
      budget: oneBudget(context.budget),
      scope: options['scope'] === 'global' ? 'global' : 'local',
      minimum: Number(options['minimum']),
    };
    const { rules } = this.#criterion;
    if (rules) this.rules = () => (this.#done < this.#schedule.iterations ? rules : new Map());
    // A budget that no structure can meet is refused before anything trains.
    localCounts(network, this.#layers, denseStructure(network), this.#rule);
  }

  /** Prunes the initial network where that is what `at` says. */
  async atInit(parameters: Tensors): Promise<Decision> {
    const structure = denseStructure(this.#context.network);
    if (this.#schedule.at > 0) return { structure, reasons: [] };
    return this.#prune({ step: 0, structure, read: async () => parameters });
  }

  dueAt(step: number): boolean {
    return step > 0 && pruningAt(step, this.#schedule) > 0;
  }

  async decide(step: number, structure: Structure): Promise<Decision> {
    return this.#prune({ step, structure, read: (names) => this.#context.read(names) });
  }

  state(): { readonly done: number; readonly criterion: unknown } {
    return { done: this.#done, criterion: this.#criterion.state?.() ?? null };
  }

  restore(state: unknown): void {
    const { done, criterion } = savedState(stateSchema, state);
    this.#done = done;
    this.#criterion.restore?.(criterion);
  }

  async #prune(moment: Moment): Promise<Decision> {
    const { budget } = this.#rule;
    const pruning = pruningAt(moment.step, this.#schedule);
    const keep = keepAfter(budget.keep, pruning, this.#schedule.iterations);
    const rule = { ...this.#rule, budget: { ...budget, keep } };
    const score = await this.#criterion.measure(moment);
    const selection = selectChannels(this.#context.network, this.#layers, moment.structure, score, rule);
    this.#done = pruning;
    const reasons = explainSelection(selection, rule.scope, this.#criterion.name, rule.minimum);
    return { structure: selection.structure, reasons };
  }
}

function oneBudget(budget: SchemeContext['budget']): Budget {
  if (budget && 'kind' in budget) return budget;
  throw new Error('scheme.budget: this scheme takes one budget, of channels, macs or parameters');
}
