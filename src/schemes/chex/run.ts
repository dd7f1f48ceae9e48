import { type Structure, type Tensors, denseStructure, keptOf } from '../../core/network/index.ts';
import type { Decision, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { allocate } from '../shared/allocate.ts';
import { type AllocationRule, allocateUpdate } from './allocation.ts';
import { columnsOf } from '../shared/columns.ts';
import { type ChexLayer, prunableLayers } from './layers.ts';
import { selectChannels } from './prune.ts';
import { type LayerUpdate, explain } from './reasons.ts';
import { regrowChannels } from './regrow.ts';
import { type Decay, type Schedule, regrowFactor, updateDue } from './schedule.ts';
import { startCounts, startStructure } from './start.ts';
import { INITIAL_GAMMA, freshValues, tensorsOfGroups } from './values.ts';

/** One run of CHEX. Throws a sentence naming the key when the network or the budget does not suit it. */
export class ChexRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly #context: SchemeContext;
  readonly #layers: readonly ChexLayer[];
  readonly #allocation: AllocationRule;
  readonly #schedule: Schedule;

  constructor(context: SchemeContext) {
    const { network, options, warmupSteps } = context;
    const budget = oneBudget(context.budget);
    const minimum = Number(options['minimum']);
    this.#context = context;
    this.#layers = prunableLayers(network);
    this.prunable = this.#layers.map(({ conv }) => conv);
    this.#allocation = { budget, minimum, rule: options['rule'] === 'code' ? 'code' : 'paper' };
    this.#schedule = { every: Number(options['every']), until: Number(options['until']), warmupSteps };
    // A budget that no structure can meet is refused before anything trains.
    allocate(
      network,
      this.#layers.map(({ group }) => ({ group, minimum, scores: [] })),
      budget,
    );
  }

  /** The released code starts all BN scales at 0.5, prunable or not. */
  initialise(parameters: Tensors): Tensors {
    const gammas = [...parameters].filter(([name]) => name.endsWith('/gamma'));
    return new Map(gammas.map(([name, values]) => [name, values.slice().fill(INITIAL_GAMMA)]));
  }

  async atInit(parameters: Tensors): Promise<Decision> {
    const { network, options } = this.#context;
    const { budget, minimum } = this.#allocation;
    const counts = startCounts(network, this.#layers, budget, Number(options['regrow']), minimum);
    return startStructure(network, this.#layers, counts, parameters);
  }

  dueAt(step: number): boolean {
    return updateDue(step, this.#schedule);
  }

  async decide(step: number, structure: Structure): Promise<Decision> {
    const { options, network, seed } = this.#context;
    const tensors = await this.#context.read(this.#layers.flatMap(({ kernel, gamma }) => [kernel, gamma]));
    const decay = options['decay'] as Decay;
    const factor = regrowFactor(Number(options['regrow']), step, this.#schedule.until, decay);
    const counts = allocateUpdate(network, this.#layers, this.#allocation, factor, tensors, structure);
    const rule = options['residual'] === 'norm' ? 'norm' : 'squared';
    const dense = denseStructure(network);

    const updates = this.#layers.map((layer, index): LayerUpdate => {
      const { id } = layer.group;
      const choice = selectChannels(layer, counts.keep.get(id) ?? 0, tensors, structure);
      // All most recently used values are put back, input channels' too, before candidates are looked at (chex.md 3.5).
      const restored = columnsOf(layer, tensors, dense);
      const draw = { seed, step, layer: index };
      const regrowth = regrowChannels(restored, choice.kept, counts.regrow.get(id) ?? 0, rule, draw);
      return { layer, choice, regrowth, gammas: tensors.get(layer.gamma) ?? new Float32Array() };
    });

    const chosen = Object.fromEntries(updates.map((update) => [update.layer.group.id, channelsOn(update)]));
    const write = await this.#freshValues(step, updates, structure);
    return {
      structure: { channels: { ...dense.channels, ...structure.channels, ...chosen } },
      reasons: updates.flatMap((update) => explain(update, structure)),
      ...(write ? { write } : {}),
    };
  }

  /** Nothing is remembered between updates: draws depend on (seed, step, layer, channel) alone. */
  state(): null {
    return null;
  }
  restore(): void {}

  /** New values for channels that were off and come back, unless these keep their most recently used ones. */
  async #freshValues(step: number, updates: readonly LayerUpdate[], before: Structure): Promise<Tensors | undefined> {
    const { network, options, seed } = this.#context;
    const kind = options['values'];
    if (kind !== 'zero' && kind !== 'random') return undefined;
    const back = updates.flatMap((update) => {
      const active = new Set(keptOf(before, update.layer.group));
      const channels = channelsOn(update).filter((channel) => !active.has(channel));
      return channels.length > 0 ? [[update.layer.group.id, channels] as const] : [];
    });
    if (back.length === 0) return undefined;
    const tensors = await this.#context.read(
      tensorsOfGroups(
        network,
        back.map(([id]) => id),
      ),
    );
    return freshValues(network, new Map(back), kind, tensors, { seed, step });
  }
}

const channelsOn = ({ choice, regrowth }: LayerUpdate): number[] =>
  [...choice.kept, ...regrowth.regrown].sort((a, b) => a - b);

function oneBudget(budget: SchemeContext['budget']): Budget {
  if (budget && 'kind' in budget) return budget;
  throw new Error('scheme.budget: CHEX takes one budget, of channels, macs or parameters');
}
