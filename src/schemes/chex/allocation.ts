import { type Network, type Structure, type Tensors, keptOf } from '../../core/network/index.ts';
import type { Budget } from '../../core/spec/spec.ts';
import { allocate } from '../shared/allocate.ts';
import type { ChexLayer } from './layers.ts';

/** Channels of each layer (by group id) that survive the prune stage, and that the regrow stage adds. */
export interface Allocation {
  readonly keep: ReadonlyMap<string, number>;
  readonly regrow: ReadonlyMap<string, number>;
}

export interface AllocationRule {
  readonly budget: Budget;
  /** Channels that every layer keeps at least. */
  readonly minimum: number;
  readonly rule: 'paper' | 'code';
}

/**
 * Widths of an update (chex.md 3.3 and 3.5). The prune stage ranks the |BN scales| of all layers together; channels
 * that are off count as 0. The regrow stage adds the share `factor` of each layer's full width, rounded up (paper), or
 * the difference to the same ranking at a budget larger by `factor` (code). `tensors` holds the layers' BN scales.
 */
export function allocateUpdate(
  network: Network,
  layers: readonly ChexLayer[],
  { budget, minimum, rule }: AllocationRule,
  factor: number,
  tensors: Tensors,
  structure: Structure,
): Allocation {
  const candidates = layers.map(({ group, gamma }) => {
    const scales = tensors.get(gamma);
    const scores = new Float32Array(group.channels);
    for (const channel of keptOf(structure, group)) scores[channel] = Math.abs(scales?.[channel] ?? 0);
    return { group, minimum, scores };
  });
  const keep = allocate(network, candidates, budget);
  const wider =
    rule === 'code' ? allocate(network, candidates, { ...budget, keep: Math.min(1, budget.keep + factor) }) : null;
  const regrow = layers.map(({ group }) => {
    const kept = keep.get(group.id) ?? 0;
    // In the code's ranking channels that are off stay below its threshold: a layer never exceeds its active width.
    const wanted = wider
      ? Math.min(wider.get(group.id) ?? 0, keptOf(structure, group).length) - kept
      : Math.ceil(factor * group.channels - 1e-9);
    return [group.id, Math.max(0, Math.min(wanted, group.channels - kept))] as const;
  });
  return { keep, regrow: new Map(regrow) };
}
