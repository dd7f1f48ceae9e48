import {
  type Crop,
  type DensityLayer,
  InfeasibleBudgetError,
  crop,
  croppableGroups,
  densityLayers,
  erk,
  uniform,
  waterFill,
} from '../../core/density/index.ts';
import { type Network, buildNetwork } from '../../core/network/index.ts';
import { type Budget, type SchemeSpec, type Spec, budgetsOf } from '../../core/spec/spec.ts';
import type { DensityRow, Unit } from './bars.ts';

/** Schemes whose start follows from layer-wise densities. */
const CROPS = 'precrop';
const MASKS = 'pai-mask';
export const hasDensities = (scheme: string): boolean => scheme === CROPS || scheme === MASKS;

/** The network of a spec and its layers as densities see them. */
export interface Ground {
  readonly network: Network;
  readonly layers: readonly DensityLayer[];
  /** Channels of every group that a crop may cut. */
  readonly channels: ReadonlyMap<string, number>;
}

export function groundOf({ id, width }: Spec['model']): Ground {
  const network = buildNetwork(id, width);
  return {
    network,
    layers: densityLayers(network),
    channels: new Map(croppableGroups(network).map((group) => [group.id, group.channels])),
  };
}

/** What a run is to be prepared with, solved on this page. */
export interface Plan {
  readonly rows: readonly DensityRow[];
  /** Widths by channel group; null where the start follows from scores, which only the prepared run has. */
  readonly widths: ReadonlyMap<string, number> | null;
}

/** What the only budget counts; null where there are two, or one of channels. */
export function unitOf(budgets: readonly Budget[]): Unit | null {
  const [only, ...more] = budgets;
  if (!only || more.length > 0 || only.kind === 'channels') return null;
  return only.kind === 'parameters' ? 'weights' : 'macs';
}

/** The same budget with another share to keep. */
export const withKeep = (scheme: SchemeSpec, keep: number): SchemeSpec => {
  const [only] = budgetsOf(scheme.budget);
  return only ? { ...scheme, budget: { ...only, keep } } : scheme;
};

/** The weights or MACs that every layer which is cut keeps under one budget: of the largest layer where none is cut. */
export function levelOf(layers: readonly DensityLayer[], unit: Unit, keep: number): number {
  const wholes = layers.map((layer) => layer[unit]);
  const budget = keep * wholes.reduce((sum, whole) => sum + whole, 0);
  return waterFill(layers, { [unit]: budget }).level ?? Math.max(...wholes);
}

/**
 * The crop that a spec asks for, with the very solver of its scheme. Null where it follows from scores of the prepared
 * network; throws where the budget cannot be met.
 */
export function cropOf({ network }: Ground, scheme: SchemeSpec): Crop | null {
  if (scheme.id !== CROPS) return null;
  const budgets = budgetsOf(scheme.budget);
  const source = scheme['densities'];
  // Rules know one share only: of several budgets the smallest, as in the scheme.
  const keep = Math.min(...budgets.map((budget) => budget.keep));
  if (source !== 'synexp' && source !== 'erk' && source !== 'uniform') return null;
  const densities = source === 'synexp' ? undefined : (source === 'erk' ? erk : uniform)(network, keep);
  return crop({
    network,
    budgets,
    preConfig: scheme['preConfig'] === true,
    ...(densities ? { densities } : {}),
    ...(typeof scheme['minimum'] === 'number' ? { minimum: scheme['minimum'] } : {}),
    ...(typeof scheme['multipleOf'] === 'number' ? { multipleOf: scheme['multipleOf'] } : {}),
  });
}

/** What the bars show of a spec before its run is prepared. Throws where the budget cannot be met. */
export function planOf(ground: Ground, scheme: SchemeSpec): Plan {
  const solved = cropOf(ground, scheme);
  const rows = ground.layers.map((layer): DensityRow => {
    const { id, weights, macs } = layer;
    if (!solved) return { layer: id, weights, macs, asked: null, kept: null };
    const kept = weights * shareOf(layer, solved.widths, ground.channels);
    return { layer: id, weights, macs, asked: solved.densities.get(id) ?? 1, kept: Math.round(kept) };
  });
  return { rows, widths: solved?.widths ?? null };
}

/** The share of a layer's weights that its groups' widths leave. */
export const shareOf = (
  { groups }: Pick<DensityLayer, 'groups'>,
  widths: ReadonlyMap<string, number>,
  channels: ReadonlyMap<string, number>,
): number =>
  groups.reduce((share, group) => {
    const whole = channels.get(group) ?? 1;
    return share * ((widths.get(group) ?? whole) / whole);
  }, 1);

/** The smallest share that the scheme of a spec can keep, rounded up to a thousandth. */
export function smallestKeep(ground: Ground, scheme: SchemeSpec): number {
  const least = 0.001;
  try {
    // The smallest widths are the same whatever the densities follow from.
    cropOf(ground, { ...withKeep(scheme, least), densities: 'synexp', preConfig: false });
    return least;
  } catch (error) {
    if (error instanceof InfeasibleBudgetError) return Math.min(1, Math.ceil(error.smallestKeep * 1_000) / 1_000);
    throw error;
  }
}
