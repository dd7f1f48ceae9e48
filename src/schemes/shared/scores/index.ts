import { globalMask } from './global-mask.ts';
import { graspScores } from './grasp.ts';
import { magnitudeScores, randomScores } from './plain.ts';
import { type Masks, type ScoreInput, type Scores, densitiesOf } from './scored.ts';
import { snipScores } from './snip.ts';
import { synflowMasks } from './synflow.ts';

export { type Masks, type ScoreInput, densitiesOf, scoredLayers } from './scored.ts';

export const SCORE_SOURCES = ['synflow', 'snip', 'grasp', 'magnitude', 'random'] as const;
export type ScoreSource = (typeof SCORE_SOURCES)[number];

export interface ScoreRequest extends ScoreInput {
  /** Share of all scored weights that stays, more than 0, at most 1. */
  readonly keep: number;
  /** Passes of SynFlow; the others score once. */
  readonly passes: number;
}

/**
 * Densities of the convolutions and dense layers (by id, in network order) that a score at initialisation gives
 * (precrop.md 3.1), and for SynFlow those after each pass, in the same order. Rejects when the run is closed meanwhile,
 * or with a sentence when a score is not finite.
 */
export async function scoreDensities(
  source: 'synflow' | 'snip' | 'grasp',
  input: ScoreRequest,
): Promise<{ densities: ReadonlyMap<string, number>; passes?: readonly (readonly number[])[] }> {
  const { masks, passes } = await scoreMasks(source, { ...input, seed: 0 });
  return { densities: densitiesOf(input.network, masks), ...(passes ? { passes } : {}) };
}

/** The same with the masks themselves, by kernel name; the seed is that of the random score. */
export async function scoreMasks(
  source: ScoreSource,
  { keep, passes, seed, ...input }: ScoreRequest & { readonly seed: number },
): Promise<{ masks: Masks; passes?: readonly (readonly number[])[] }> {
  if (source === 'synflow') return synflowMasks(input, keep, passes);
  return { masks: globalMask(await oneShot(source, input, seed), keep) };
}

function oneShot(source: Exclude<ScoreSource, 'synflow'>, input: ScoreInput, seed: number): Scores | Promise<Scores> {
  switch (source) {
    case 'snip':
      return snipScores(input);
    case 'grasp':
      return graspScores(input);
    case 'magnitude':
      return magnitudeScores(input);
    case 'random':
      return randomScores(input, seed);
  }
}
