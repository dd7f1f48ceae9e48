import type { Structure, Tensors } from '../../core/network/index.ts';
import type { UpdateRule } from '../../core/scheme/rules.ts';
import type { SchemeContext } from '../../core/scheme/scheme.ts';
import type { Layer } from './layers.ts';

/** When channels are scored, and with which tensors: those of the running network, or the initial ones at step 0. */
export interface Moment {
  readonly step: number;
  readonly structure: Structure;
  readonly read: (names: readonly string[]) => Promise<Tensors>;
}

/**
 * One score for each of a layer's channels, higher = keep; entries of channels that are off mean nothing. `structure`
 * is the running one, in which the layers that were decided before are as they will be.
 */
export type Score = (layer: Layer, structure: Structure) => ArrayLike<number>;

/** How a scheme tells channels apart; everything else about ranking them is shared. */
export interface Criterion {
  /** What a score is called in a sentence, such as "L1 norm". */
  readonly name: string;
  measure(moment: Moment): Promise<Score>;
  /** Update rules while channels are still to be pruned. */
  readonly rules?: ReadonlyMap<string, UpdateRule>;
  /** What it remembers from one pruning to the next, as plain JSON. */
  state?(): unknown;
  restore?(state: unknown): void;
}

export type MakeCriterion = (context: SchemeContext, layers: readonly Layer[]) => Criterion;
