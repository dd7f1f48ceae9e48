import type { ChannelGroup, Network } from '../network/index.ts';
import type { Budget } from '../spec/spec.ts';
import { fitWidths } from './fit.ts';
import { InfeasibleBudgetError } from './infeasible.ts';
import { type DensityLayer, croppableGroups, densityLayers } from './layers.ts';
import { roundWidths } from './rounding.ts';
import { waterFill } from './water-fill.ts';
import { solveWidths, used } from './widths.ts';

export interface CropRequest {
  readonly network: Network;
  /** One or two, of parameters and of MACs: shares of those of the whole network, as the run counts them. */
  readonly budgets: readonly Budget[];
  /** By layer. Absent: SynExp, solved for widths directly (section 3.5 A); else by least squares (3.5 B). */
  readonly densities?: ReadonlyMap<string, number>;
  /** Lets layers get wider than in the network, to at most four times (section 3.7). Needs both budgets. */
  readonly preConfig?: boolean;
  /** Channels that every group keeps at least (2). */
  readonly minimum?: number;
  /** Widths are multiples of this, or the group's full width (1). */
  readonly multipleOf?: number;
}

export interface Crop {
  /** By croppable group the share of its width to keep (q_g), before rounding, and the whole channels that are kept. */
  readonly shares: ReadonlyMap<string, number>;
  readonly widths: ReadonlyMap<string, number>;
  /** Target of each layer: those given, else the optimal ones of section 3.4, with PreConfig the fractional widths'. */
  readonly densities: ReadonlyMap<string, number>;
  /** The level c of section 3.4; null where densities are given, nothing is cut or both budgets bind. */
  readonly level: number | null;
  /** Weights and multiply-adds of the rounded network: convolutions and dense layers, as countNetwork has them. */
  readonly weights: number;
  readonly macs: number;
  /** Sum of the logarithms of the rounded network's densities, without shortcuts. */
  readonly objective: number;
}

/** PreConfig's narrowest and widest share (ours: section 3.7). */
const NARROWEST = 0.25;
const WIDEST = 4;

/**
 * The widths that PreCrop trains. Weights are counted as the lab counts parameters (convolution and dense weights, no
 * norms and biases), so a network that meets the budget here meets it in the run's own count. Throws an
 * InfeasibleBudgetError when the smallest widths exceed a budget, and a sentence when the request contradicts itself.
 */
export function crop(request: CropRequest): Crop {
  const { network, budgets, densities: given, preConfig = false } = request;
  checkRequest(request);
  const layers = densityLayers(network);
  const groups = croppableGroups(network);
  const allowed = groups.map((group) => allowedWidths(group, request));
  const problem = {
    groups: groups.map(({ id, channels }, g) => {
      const reward = rewardOf(layers, id);
      // What the objective does not see keeps its width.
      const [lowest, highest] = reward > 0 ? [allowed[g]?.[0], allowed[g]?.at(-1)] : [channels, channels];
      return { reward, lowest: lowest ?? channels, highest: highest ?? channels };
    }),
    layers: layers.map((layer) => layer.groups.map((id) => groups.findIndex((group) => group.id === id))),
    costs: budgets.map((budget) => {
      const allowed = allowance(layers, budget);
      return unitCosts(layers, groups, countedBy(budget)).map((cost) => cost / allowed);
    }),
    allowed,
  };
  const lowest = problem.groups.map((group) => group.lowest);
  budgets.forEach((budget, b) => {
    const smallest = used(problem, problem.costs[b] ?? [], lowest) * budget.keep;
    if (smallest > budget.keep * (1 + 1e-12)) {
      throw new InfeasibleBudgetError(budget.kind === 'macs' ? 'macs' : 'parameters', budget.keep, smallest);
    }
  });

  const fractional = given
    ? fitWidths({
        ...problem,
        channels: groups.map(({ channels }) => channels),
        densities: layers.map(({ id }) => given.get(id) ?? 1),
        weights: layers.map(({ weights }) => weights),
      })
    : solveWidths(problem);
  const shares = new Map(groups.map(({ id, channels }, g) => [id, (fractional[g] ?? channels) / channels]));
  const rounded = roundWidths({ ...problem, fractional, near: given ? 'fractional' : 'objective' });
  const widths = new Map(groups.map(({ id, channels }, g) => [id, rounded[g] ?? channels]));
  const kept = new Map(groups.map(({ id, channels }) => [id, (widths.get(id) ?? channels) / channels]));
  const ideal =
    given || preConfig
      ? null
      : waterFill(layers, Object.fromEntries(budgets.map((budget) => [countedBy(budget), allowance(layers, budget)])));
  return {
    shares,
    widths,
    densities: new Map(
      layers.map((layer, l) => [layer.id, given?.get(layer.id) ?? ideal?.densities[l] ?? densityOf(layer, shares)]),
    ),
    level: ideal?.level ?? null,
    weights: sizeAt(layers, groups, widths, 'weights'),
    macs: sizeAt(layers, groups, widths, 'macs'),
    objective: layers.reduce((sum, layer) => sum + (layer.shortcut ? 0 : Math.log(densityOf(layer, kept))), 0),
  };
}

function checkRequest({ budgets, densities, preConfig }: CropRequest): void {
  const kinds = budgets.map(({ kind }) => kind);
  if (kinds.length === 0 || kinds.includes('channels') || new Set(kinds).size < kinds.length) {
    throw new Error('a crop takes a budget of parameters, one of macs, or one of each');
  }
  if (preConfig && kinds.length < 2) throw new Error('PreConfig needs both budgets, of parameters and of macs');
  if (preConfig && densities) throw new Error('PreConfig finds its own densities');
}

/** What a budget counts of a layer. */
const countedBy = ({ kind }: Budget): 'weights' | 'macs' => (kind === 'macs' ? 'macs' : 'weights');

/** How much of it a budget allows in all. */
function allowance(layers: readonly DensityLayer[], budget: Budget): number {
  const counted = countedBy(budget);
  return budget.keep * layers.reduce((sum, layer) => sum + layer[counted], 0);
}

/** Whole widths that a group may get, ascending: multiples in its range, and its full width. */
function allowedWidths(
  { channels }: ChannelGroup,
  { preConfig = false, minimum = 2, multipleOf = 1 }: CropRequest,
): readonly number[] {
  const lowest = Math.min(channels, Math.max(minimum, preConfig ? Math.ceil(NARROWEST * channels) : 1));
  const highest = preConfig ? WIDEST * channels : channels;
  return Array.from({ length: highest - lowest + 1 }, (_, i) => lowest + i).filter(
    (width) => width % multipleOf === 0 || width === channels,
  );
}

/** Places of a group in layers that the objective counts. */
const rewardOf = (layers: readonly DensityLayer[], group: string): number =>
  layers.reduce((sum, layer) => sum + (layer.shortcut ? 0 : layer.groups.filter((id) => id === group).length), 0);

/** By layer, what a product of widths of 1 costs: a whole number. */
function unitCosts(
  layers: readonly DensityLayer[],
  groups: readonly ChannelGroup[],
  kind: 'weights' | 'macs',
): readonly number[] {
  const channels = new Map(groups.map((group) => [group.id, group.channels]));
  return layers.map(
    (layer) => layer[kind] / layer.groups.reduce((product, id) => product * (channels.get(id) ?? 1), 1),
  );
}

/** Weights or multiply-adds in all, at these widths. */
function sizeAt(
  layers: readonly DensityLayer[],
  groups: readonly ChannelGroup[],
  widths: ReadonlyMap<string, number>,
  kind: 'weights' | 'macs',
): number {
  const units = unitCosts(layers, groups, kind);
  return layers.reduce(
    (sum, layer, l) => sum + layer.groups.reduce((product, id) => product * (widths.get(id) ?? 1), units[l] ?? 0),
    0,
  );
}

/** A layer's share of its weights at these shares of its groups' widths. */
const densityOf = (layer: DensityLayer, shares: ReadonlyMap<string, number>): number =>
  layer.groups.reduce((product, id) => product * (shares.get(id) ?? 1), 1);
