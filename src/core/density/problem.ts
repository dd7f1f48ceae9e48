import { type ChannelGroup, type Network, groupsOf } from '../network/index.ts';
import type { Budget } from '../spec/spec.ts';
import { InfeasibleBudgetError } from './infeasible.ts';
import { type DensityLayer, croppableGroups, densityLayers } from './layers.ts';
import type { DensityBudgets } from './water-fill.ts';
import { type WidthProblem, used } from './widths.ts';

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

/** A request as the solvers need it: places in `croppable` and `sizes` stand for groups and layers. */
export interface CropProblem extends WidthProblem {
  readonly croppable: readonly ChannelGroup[];
  readonly sizes: readonly DensityLayer[];
  /** By group the whole widths that are allowed, ascending. */
  readonly allowed: readonly (readonly number[])[];
}

/** PreConfig's narrowest and widest share (ours: section 3.7). */
const NARROWEST = 0.25;
const WIDEST = 4;

/**
 * Throws an InfeasibleBudgetError when the smallest widths exceed a budget, and a sentence when the request contradicts
 * itself.
 */
export function problemOf(request: CropRequest): CropProblem {
  checkRequest(request);
  const { network, budgets } = request;
  const all = groupsOf(network);
  const sizes = densityLayers(network, all);
  const croppable = croppableGroups(network, all);
  const places = new Map(croppable.map(({ id }, place) => [id, place]));
  const rewards = croppable.map(({ id }) => rewardOf(sizes, id));
  // What the objective does not see keeps its width.
  const allowed = croppable.map((group, g) =>
    (rewards[g] ?? 0) > 0 ? allowedWidths(group, request) : [group.channels],
  );
  const problem: CropProblem = {
    croppable,
    sizes,
    allowed,
    groups: croppable.map(({ channels }, g) => ({
      reward: rewards[g] ?? 0,
      lowest: allowed[g]?.[0] ?? channels,
      highest: allowed[g]?.at(-1) ?? channels,
    })),
    layers: sizes.map((layer) => layer.groups.flatMap((id) => places.get(id) ?? [])),
    costs: budgets.map((budget) => {
      const most = allowance(sizes, budget);
      return unitCosts(sizes, croppable, countedBy(budget)).map((cost) => cost / most);
    }),
  };
  const lowest = problem.groups.map((group) => group.lowest);
  budgets.forEach(({ kind, keep }, b) => {
    const use = used(problem, problem.costs[b] ?? [], lowest);
    if (use > 1 + 1e-12) throw new InfeasibleBudgetError(kind === 'macs' ? 'macs' : 'parameters', keep, use * keep);
  });
  return problem;
}

/** Weights or multiply-adds of the network at these widths, by group. */
export function sizeAt({ croppable, sizes }: CropProblem, kind: 'weights' | 'macs', widths: readonly number[]): number {
  const units = unitCosts(sizes, croppable, kind);
  const places = new Map(croppable.map(({ id }, place) => [id, widths[place] ?? 1]));
  return sizes.reduce(
    (sum, layer, l) => sum + layer.groups.reduce((product, id) => product * (places.get(id) ?? 1), units[l] ?? 0),
    0,
  );
}

/** The budgets as weights and multiply-adds that may stay. */
export function allowances(sizes: readonly DensityLayer[], budgets: readonly Budget[]): DensityBudgets {
  return Object.fromEntries(budgets.map((budget) => [countedBy(budget), allowance(sizes, budget)]));
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
function allowance(sizes: readonly DensityLayer[], budget: Budget): number {
  const counted = countedBy(budget);
  return budget.keep * sizes.reduce((sum, layer) => sum + layer[counted], 0);
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
const rewardOf = (sizes: readonly DensityLayer[], group: string): number =>
  sizes.reduce((sum, layer) => sum + (layer.shortcut ? 0 : layer.groups.filter((id) => id === group).length), 0);

/** By layer, what a product of widths of 1 costs: a whole number. */
function unitCosts(
  sizes: readonly DensityLayer[],
  croppable: readonly ChannelGroup[],
  kind: 'weights' | 'macs',
): readonly number[] {
  const channels = new Map(croppable.map((group) => [group.id, group.channels]));
  return sizes.map((layer) => layer[kind] / layer.groups.reduce((product, id) => product * (channels.get(id) ?? 1), 1));
}
