import { type Structure, type Tensors, denseStructure, keptOf } from '../../core/network/index.ts';
import type { ChannelReason, Decision, Scheme, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { allocate } from '../shared/allocate.ts';
import { type ChexLayer, prunableLayers } from './layers.ts';
import { checkChex, chexOptions } from './options.ts';
import { selectChannels } from './prune.ts';
import { type LayerUpdate, explain } from './reasons.ts';
import { regrowChannels } from './regrow.ts';
import { type Decay, regrowFactor, updateDue } from './schedule.ts';
import { startCounts, startStructure } from './start.ts';
import { INITIAL_GAMMA, freshValues, tensorsOfGroups } from './values.ts';

export const chex: Scheme = {
  id: 'chex',
  title: 'CHEX',
  paper: 'Hou et al., CHEX: CHannel EXploration for CNN Model Compression, CVPR 2022',
  summary:
    'Prunes and regrows channels while the network trains from scratch: BN scales say how many each layer deserves, leverage scores which, and what the kept ones do not span may come back.',
  budgets: ['channels', 'macs', 'parameters'],
  options: chexOptions,
  check: checkChex,
  start: (context) => new ChexRun(context),
};

class ChexRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly #context: SchemeContext;
  readonly #layers: readonly ChexLayer[];
  readonly #budget: Budget;
  readonly #schedule: { every: number; until: number; warmupSteps: number };

  constructor(context: SchemeContext) {
    const { budget, options, warmupSteps } = context;
    if (!budget || !('kind' in budget)) throw new Error('scheme.budget: CHEX takes one budget of channels, macs or parameters');
    this.#context = context;
    this.#layers = prunableLayers(context.network);
    this.prunable = this.#layers.map(({ conv }) => conv);
    this.#budget = budget;
    this.#schedule = { every: Number(options['every']), until: Number(options['until']), warmupSteps };
    // A budget that no structure can meet is refused before anything trains.
    this.#allocate(this.#layers.map(({ group }) => new Float32Array(group.channels)), budget);
  }

  /** The released code starts all BN scales at 0.5, prunable or not. */
  initialise(parameters: Tensors): Tensors {
    const gammas = [...parameters].filter(([name]) => name.endsWith('/gamma'));
    return new Map(gammas.map(([name, values]) => [name, values.slice().fill(INITIAL_GAMMA)]));
  }

  async atInit(parameters: Tensors): Promise<Decision> {
    const { network, options } = this.#context;
    const counts = startCounts(network, this.#layers, this.#budget, Number(options['regrow']), Number(options['minimum']));
    return startStructure(network, this.#layers, counts, parameters);
  }

  dueAt(step: number): boolean {
    return updateDue(step, this.#schedule);
  }

  async decide(step: number, structure: Structure): Promise<Decision> {
    const { options, network, seed } = this.#context;
    const tensors = await this.#context.read(this.#layers.flatMap(({ kernel, gamma }) => [kernel, gamma]));
    const gammas = this.#layers.map(({ gamma }) => tensors.get(gamma) ?? new Float32Array());
    const scores = this.#effectiveScales(gammas, structure);
    const counts = this.#allocate(scores, this.#budget);
    const factor = regrowFactor(Number(options['regrow']), step, this.#schedule.until, String(options['decay']) as Decay);
    const regrowCounts = this.#regrowCounts(counts, scores, factor, structure);
    const rule = options['residual'] === 'norm' ? 'norm' : 'squared';
    // Most recently used values are put back into everything that is off before candidates are looked at (chex.md 3.5).
    const restored = denseStructure(network);

    const updates = this.#layers.map((layer, index): LayerUpdate => {
      const { id } = layer.group;
      const choice = selectChannels(layer, counts.get(id) ?? 1, tensors, structure);
      const draw = { seed, step, layer: index };
      const regrowth = regrowChannels(layer, choice.kept, regrowCounts.get(id) ?? 0, rule, tensors, restored, draw);
      return { layer, choice, regrowth, gammas: gammas[index] ?? new Float32Array() };
    });
    const kept = updates.map(({ layer, choice, regrowth }) => [
      layer.group.id,
      [...choice.kept, ...regrowth.regrown].sort((a, b) => a - b),
    ]);
    const next: Structure = { channels: { ...denseStructure(network).channels, ...structure.channels, ...Object.fromEntries(kept) } };
    const reasons = updates.flatMap((update): ChannelReason[] => explain(update, structure));
    const write = await this.#write(step, updates, structure);
    return write ? { structure: next, reasons, write } : { structure: next, reasons };
  }

  /** Draws depend on (seed, step, layer, channel) and nothing is remembered between updates. */
  state(): unknown {
    return null;
  }
  restore(): void {}

  /** |BN scale| of active channels, 0 for those that are off (chex.md 3.3). */
  #effectiveScales(gammas: readonly Float32Array[], structure: Structure): Float32Array[] {
    return this.#layers.map(({ group }, index) => {
      const scales = new Float32Array(group.channels);
      for (const channel of keptOf(structure, group)) scales[channel] = Math.abs(gammas[index]?.[channel] ?? 0);
      return scales;
    });
  }

  #allocate(scores: readonly Float32Array[], budget: Budget): Map<string, number> {
    const minimum = Number(this.#context.options['minimum']);
    const candidates = this.#layers.map(({ group }, index) => ({ group, minimum, scores: scores[index] ?? [] }));
    return allocate(this.#context.network, candidates, budget);
  }

  /** Channels to regrow by group: the paper's share of each full width, or the code's second global ranking. */
  #regrowCounts(
    counts: ReadonlyMap<string, number>,
    scores: readonly Float32Array[],
    factor: number,
    structure: Structure,
  ): Map<string, number> {
    const wider =
      this.#context.options['rule'] === 'code'
        ? this.#allocate(scores, { ...this.#budget, keep: Math.min(1, this.#budget.keep + factor) })
        : null;
    return new Map(
      this.#layers.map(({ group }) => {
        const kept = counts.get(group.id) ?? 0;
        // The code's ranking counts channels that are off as 0, below its threshold: they never add to a layer's width.
        const ranked = Math.min(wider?.get(group.id) ?? kept, keptOf(structure, group).length);
        const wanted = wider ? ranked - kept : Math.ceil(factor * group.channels - 1e-9);
        return [group.id, Math.max(0, Math.min(wanted, group.channels - kept))];
      }),
    );
  }

  /** Overwritten values of channels that were off and come back, unless they keep the most recently used ones. */
  async #write(step: number, updates: readonly LayerUpdate[], before: Structure): Promise<Tensors | undefined> {
    const { network, options, seed } = this.#context;
    const kind = options['values'];
    if (kind !== 'zero' && kind !== 'random') return undefined;
    const back = updates.flatMap(({ layer, regrowth }) => {
      const active = new Set(keptOf(before, layer.group));
      const channels = regrowth.regrown.filter((channel) => !active.has(channel));
      return channels.length > 0 ? [[layer.group.id, channels] as const] : [];
    });
    if (back.length === 0) return undefined;
    const tensors = await this.#context.read(tensorsOfGroups(network, back.map(([id]) => id)));
    return freshValues(network, new Map(back), kind, tensors, { seed, step });
  }
}
