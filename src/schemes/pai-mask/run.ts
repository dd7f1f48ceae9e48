import * as v from 'valibot';
import {
  type Structure,
  type Tensors,
  countNetwork,
  denseStructure,
  parametersOf,
  sizeOf,
} from '../../core/network/index.ts';
import type { DensityReport } from '../../core/density/report.ts';
import type { UpdateRule } from '../../core/scheme/rules.ts';
import type { Decision, Preparation, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import { fitsBits } from '../../core/sparsity/index.ts';
import { foreignState, savedState } from '../shared/saved-state.ts';
import { type Masks, type ScoreSource, densitiesOf, scoreMasks } from '../shared/scores/index.ts';
import { type PackedMasks, packMasks, unpackMasks } from './packing.ts';
import { type Pattern, arranged, freshWeights } from './patterns.ts';

const maskSchema = v.record(v.string(), v.strictObject({ entries: v.number(), bits: v.string() }));

/** One run of weight masks: they are made before the first step and hold from then on. */
export class MaskRun implements SchemeRun {
  /** No channel leaves. */
  readonly prunable: readonly string[] = [];
  readonly #context: SchemeContext;
  readonly #source: ScoreSource;
  readonly #pattern: Pattern;
  #masks: Masks = new Map();
  #packed: PackedMasks = {};

  constructor(context: SchemeContext) {
    const { score, pattern } = context.options;
    this.#context = context;
    this.#source = score as ScoreSource;
    this.#pattern = pattern as Pattern;
  }

  async atInit(parameters: Tensors, preparation: Preparation): Promise<Decision> {
    const { network, options, seed } = this.#context;
    const request = { network, parameters, preparation, keep: this.#keep, passes: Number(options['passes']), seed };
    const { masks, passes } = await scoreMasks(this.#source, request);
    this.#masks = arranged(network, masks, this.#pattern, seed);
    this.#packed = packMasks(this.#masks);
    return {
      structure: denseStructure(network),
      reasons: [],
      densities: { ...this.#reportOn(masks), ...(passes ? { passes } : {}) },
      ...(this.#pattern === 'fresh' ? { write: freshWeights(network, seed) } : {}),
    };
  }

  dueAt(): boolean {
    return false;
  }

  async decide(_step: number, structure: Structure): Promise<Decision> {
    return { structure, reasons: [] };
  }

  rules(): ReadonlyMap<string, UpdateRule> {
    return new Map([...this.#masks].map(([name, mask]) => [name, { mask }]));
  }

  state(): PackedMasks {
    return this.#packed;
  }

  restore(state: unknown): void {
    const packed = savedState(maskSchema, state);
    const sizes = new Map(parametersOf(this.#context.network).map(({ name, shape }) => [name, sizeOf(shape)]));
    const fits = ([name, { entries, bits }]: [string, { entries: number; bits: string }]): boolean =>
      fitsBits({ count: entries, bits }, sizes.get(name) ?? -1);
    if (!Object.entries(packed).every(fits)) throw foreignState();
    this.#packed = packed;
    this.#masks = unpackMasks(this.#packed);
  }

  get #keep(): number {
    const { budget } = this.#context;
    if (budget && 'kind' in budget) return budget.keep;
    throw new Error('scheme.budget: this scheme takes one budget, of parameters');
  }

  /** What the score asked of every layer, and what the pattern keeps. */
  #reportOn(scored: Masks): DensityReport {
    const { network } = this.#context;
    const [densities, kept] = [densitiesOf(network, scored), densitiesOf(network, this.#masks)];
    const layers = countNetwork(network).layers.map(({ layer, parameters: weights, macs }) => ({
      layer,
      weights,
      macs,
      density: densities.get(layer) ?? 0,
      kept: Math.round(weights * (kept.get(layer) ?? 0)),
    }));
    return { source: this.#source, removes: 'weights', layers };
  }
}
