import * as v from 'valibot';
import { type Network, type Structure, convolutionsOf, groupsOf, parametersOf } from '../../core/network/index.ts';
import type { Quantiser } from '../../core/quantise/index.ts';
import type { UpdateRule } from '../../core/scheme/rules.ts';
import type { ChannelReason, Decision, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import { type ChoiceReport, cleanUp, kernelLayers, mapGroups } from '../../core/sparsity/index.ts';
import { foreignState, savedState } from '../shared/saved-state.ts';
import { choose, seedOf } from './choose.ts';
import { type Quantisers, fitQuantisers, quantisedKernels } from './fixed-point.ts';
import { type Held, NOTHING, type PackedHeld, type Pruned, fitsHeld, heldMasks, packHeld, unpackHeld } from './held.ts';
import { emptiedReasons, mapReasons } from './reasons.ts';
import { type StageOutcome, reportOf } from './report.ts';
import { unitTotal } from './sizes.ts';
import { type Ground, type Space, freeSpace, kernelSpace, kernelsFor, mapSpace, tapSpace } from './spaces.ts';
import { type Settings, type Stage, settingsOf } from './stages.ts';

/** What a checkpoint keeps. Which stages are behind it follows from its step. */
interface State extends PackedHeld {
  readonly quantisers: Readonly<Record<string, Quantiser>>;
}

const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const stateSchema = v.object({
  kernels: v.record(v.string(), v.object({ count: whole, bits: v.string() })),
  free: v.record(v.string(), v.object({ stride: whole, offsets: v.array(whole) })),
  quantisers: v.record(
    v.string(),
    // Wider words than 16 bits are not fitted.
    v.looseObject({
      step: v.pipe(v.number(), v.gtValue(0), v.finite()),
      levels: v.pipe(whole, v.minValue(1), v.maxValue(32_767)),
    }),
  ),
});

/** A mask that was chosen, with the network that it leaves. */
interface Search {
  readonly chosen: Pruned;
  readonly report: ChoiceReport;
  /** A sentence for each map that was weighed. */
  readonly reasons: readonly ChannelReason[];
}

/** One run of structured sparsity at three scales. */
export class StructuredSparsityRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly #context: SchemeContext;
  readonly #settings: Settings;
  #held: Held = NOTHING;
  #quantisers: Quantisers = new Map();
  #rules: ReadonlyMap<string, UpdateRule> = new Map();

  constructor(context: SchemeContext) {
    this.#context = context;
    this.#settings = settingsOf(context.options);
    this.prunable = prunableLayers(context.network, this.#settings.stages);
  }

  dueAt(step: number): boolean {
    const { stages, fixedPoint } = this.#settings;
    return fixedPoint?.at === step || stages.some(({ at }) => at === step);
  }

  async decide(step: number, structure: Structure): Promise<Decision> {
    const { stages, fixedPoint } = this.#settings;
    const index = stages.findIndex(({ at }) => at === step);
    const stage = stages[index];
    if (stage) return this.#prune(index, stage, structure);
    if (fixedPoint?.at === step) return this.#quantise(fixedPoint.bits, structure);
    throw new Error(`sparsity: nothing is due at step ${step}`);
  }

  /** Masks of all stages so far, so that neither momentum nor weight decay revives a weight, and the quantisers. */
  rules(): ReadonlyMap<string, UpdateRule> {
    return this.#rules;
  }

  state(): State {
    return { ...packHeld(this.#held), quantisers: Object.fromEntries(this.#quantisers) };
  }

  restore(state: unknown): void {
    const { quantisers, ...held } = savedState(stateSchema, state);
    const { network } = this.#context;
    const kernels = new Set(parametersOf(network).flatMap(({ name, role }) => (role === 'kernel' ? [name] : [])));
    const known = Object.keys(quantisers).every((name) => kernels.has(name));
    if (!known || !fitsHeld(network, held)) throw foreignState();
    this.#hold(unpackHeld(held), new Map(Object.entries(quantisers)));
  }

  async #prune(index: number, stage: Stage, structure: Structure): Promise<Decision> {
    const { network } = this.#context;
    const before = { structure, held: this.#held };
    const kernels = await this.#context.read(kernelsFor(network, stage.granularity));
    const ground = { network, before, kernels, noise: this.#settings.search.noise };
    const { chosen, report, reasons } = await this.#search(index, stage, ground);
    const after = cleaned(network, chosen);
    const emptied = emptiedReasons(network, chosen, after);
    const units = unitTotal(network, stage.granularity, before, after);
    this.#hold(after.held, this.#quantisers);
    return this.#decision(
      { index, granularity: stage.granularity, chosen: report, units, after, quantisers: this.#quantisers },
      [...reasons.filter((reason) => !emptied.some((other) => isSame(reason, other))), ...emptied],
    );
  }

  async #search(index: number, stage: Stage, ground: Ground): Promise<Search> {
    const { seed, explore, network } = this.#context;
    const { search, constraint } = this.#settings;
    const among = async <Mask>(space: Space<Mask>): Promise<Search> => {
      const { mask, report } = await choose(stage.choose, space, search, explore, seedOf(seed, index));
      return { chosen: space.pruned(mask), report, reasons: [] };
    };
    switch (stage.granularity) {
      case 'map': {
        const space = mapSpace(ground, stage.keep);
        const { chosen, report } = await among(space);
        return { chosen, report, reasons: mapReasons(network, ground.before, chosen, report, space.norms) };
      }
      case 'kernel':
        return among(kernelSpace(ground, stage.keep));
      case 'stride':
        return among(constraint ? tapSpace(ground, stage.stride) : freeSpace(ground, stage.stride));
    }
  }

  async #quantise(bits: number, structure: Structure): Promise<Decision> {
    const { network } = this.#context;
    const after = { structure, held: this.#held };
    const kernels = await this.#context.read(quantisedKernels(network));
    const quantisers = fitQuantisers(network, after, kernels, bits);
    this.#hold(after.held, quantisers);
    const index = this.#settings.stages.length;
    return this.#decision({ index, granularity: 'bits', chosen: null, units: null, after, quantisers }, []);
  }

  #decision(outcome: StageOutcome, reasons: readonly ChannelReason[]): Decision {
    const { recalibrate } = this.#settings;
    return {
      structure: outcome.after.structure,
      reasons,
      stage: reportOf(this.#context.network, outcome),
      ...(recalibrate > 0 ? { recalibrate } : {}),
    };
  }

  #hold(held: Held, quantisers: Quantisers): void {
    this.#held = held;
    this.#quantisers = quantisers;
    const masks = heldMasks(this.#context.network, held);
    const names = new Set([...masks.keys(), ...quantisers.keys()]);
    this.#rules = new Map(
      [...names].map((name) => {
        const [mask, quantiser] = [masks.get(name), quantisers.get(name)];
        return [name, { ...(mask ? { mask } : {}), ...(quantiser ? { quantiser } : {}) }];
      }),
    );
  }
}

/** Convolutions that can lose maps: to map stages, or because kernels that wrote or read them went. */
function prunableLayers(network: Network, stages: readonly Stage[]): readonly string[] {
  const kinds = new Set(stages.map(({ granularity }) => granularity));
  const masked = new Set(kinds.has('kernel') ? kernelLayers(network).map(({ id }) => id) : []);
  const groups = [
    ...(kinds.has('map') ? mapGroups(network) : []),
    ...groupsOf(network).filter(
      ({ cuttable, producers, readers }) => cuttable && [...producers, ...readers].some((id) => masked.has(id)),
    ),
  ];
  const convs = new Set(groups.flatMap(({ producers }) => producers));
  return convolutionsOf(network).flatMap(({ id }) => (convs.has(id) ? [id] : []));
}

/** Without the maps that kernel masks have emptied. */
function cleaned(network: Network, { structure, held }: Pruned): Pruned {
  if (held.kernels.size === 0) return { structure, held };
  const left = cleanUp(network, structure, held.kernels);
  return { structure: left.structure, held: { ...held, kernels: left.kernels } };
}

const isSame = (a: ChannelReason, b: ChannelReason): boolean => a.layer === b.layer && a.channel === b.channel;
