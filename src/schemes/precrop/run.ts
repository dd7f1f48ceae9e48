import {
  type Crop,
  type CropRequest,
  type DensityReport,
  crop,
  croppableGroups,
  densityLayers,
  erk,
  problemOf,
  uniform,
} from '../../core/density/index.ts';
import { type Network, type Structure, type Tensors, denseStructure } from '../../core/network/index.ts';
import type { Decision, Preparation, SchemeContext, SchemeRun } from '../../core/scheme/scheme.ts';
import { scoreDensities } from '../shared/scores/index.ts';
import { type Source, requestOf } from './options.ts';
import { freshTensors } from './fresh.ts';
import { count, reasonsOf } from './reasons.ts';

interface Given {
  /** By layer; undefined for SynExp, which is solved for widths. */
  readonly densities?: ReadonlyMap<string, number>;
  readonly passes?: DensityReport['passes'];
}

/** One run of PreCrop, which decides before the first step only. Throws a sentence when the network or budget does not suit it. */
export class PreCropRun implements SchemeRun {
  readonly prunable: readonly string[];
  readonly #context: SchemeContext;
  /** What the spec names: densities and budgets are shares of it. */
  readonly #model: Network;
  readonly #request: CropRequest;
  readonly #source: Source;

  constructor(context: SchemeContext) {
    const { network, model = network, budget, options } = context;
    this.#context = context;
    this.#model = model;
    this.#request = requestOf(model, budget, options);
    this.#source = options['densities'] as Source;
    this.prunable = croppableGroups(model).map(({ id }) => id);
    if (this.prunable.length === 0) {
      throw new Error(`model.id: there is no channel to crop in ${model.id}; it needs a convolution inside its blocks`);
    }
    // A budget that no widths meet is refused before anything trains.
    problemOf(this.#request);
  }

  async atInit(parameters: Tensors, preparation: Preparation): Promise<Decision> {
    const { network, seed } = this.#context;
    const { densities, passes } = await this.#given(parameters, preparation);
    const cropped = crop({ ...this.#request, ...(densities ? { densities } : {}) });
    const first = [...cropped.widths].map(([id, width]) => [id, [...Array(width).keys()]] as const);
    const structure = { channels: { ...denseStructure(network).channels, ...Object.fromEntries(first) } };
    const report = reportOf(this.#model, this.#source, cropped);
    return {
      structure,
      write: freshTensors(network, structure, parameters, seed),
      reasons: this.#reasons(cropped, report),
      densities: { ...report, ...(passes ? { passes } : {}) },
    };
  }

  dueAt(): boolean {
    return false;
  }

  async decide(_: number, structure: Structure): Promise<Decision> {
    return { structure, reasons: [] };
  }

  /** Nothing is remembered: the spec says it all. */
  state(): null {
    return null;
  }
  restore(): void {}

  async #given(parameters: Tensors, preparation: Preparation): Promise<Given> {
    const source = this.#source;
    // Scores and rules know weights only: the crop makes them meet whatever the budget counts (ours).
    const keep = Math.min(...this.#request.budgets.map((budget) => budget.keep));
    if (source === 'synexp') return {};
    if (source === 'erk') return { densities: erk(this.#model, keep) };
    if (source === 'uniform') return { densities: uniform(this.#model, keep) };
    const passes = Number(this.#context.options['passes']);
    return scoreDensities(source, { network: this.#context.network, parameters, preparation, keep, passes });
  }

  #reasons({ widths, level }: Crop, { layers }: DensityReport): Decision['reasons'] {
    const channels = new Map(croppableGroups(this.#model).map((group) => [group.id, group.channels]));
    const unit =
      this.#request.budgets.length === 1 && this.#request.budgets[0]?.kind === 'macs' ? 'multiply-adds' : 'weights';
    return this.#context.groups.flatMap((group) => {
      const width = widths.get(group.id);
      const density = layers.find(({ layer }) => layer === group.id);
      if (width === undefined || !density) return [];
      const levelText = level === null ? null : `a level of ${count(level)} ${unit}`;
      return reasonsOf({ group, width, channels: channels.get(group.id) ?? width, density, level: levelText });
    });
  }
}

function reportOf(model: Network, source: Source, { densities, widths }: Crop): DensityReport {
  const channels = new Map(croppableGroups(model).map((group) => [group.id, group.channels]));
  const layers = densityLayers(model).map(({ id, weights, macs, groups }) => ({
    layer: id,
    weights,
    macs,
    density: densities.get(id) ?? 1,
    kept: Math.round(
      groups.reduce((left, group) => (left * (widths.get(group) ?? 1)) / (channels.get(group) ?? 1), weights),
    ),
  }));
  return { source, removes: 'channels', layers };
}
