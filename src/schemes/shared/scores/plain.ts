import { normal2 } from '../../../core/random/random.ts';
import { type ScoreInput, type Scores, scoredKernels } from './scored.ts';

/** The absolute weight. */
export const magnitudeScores = ({ network, parameters }: ScoreInput): Scores =>
  new Map([...scoredKernels(network, parameters)].map(([name, values]) => [name, Float64Array.from(values, Math.abs)]));

/** Standard normal numbers: a function of the seed, the layer's place and the entry alone. */
export const randomScores = ({ network, parameters }: ScoreInput, seed: number): Scores =>
  new Map(
    [...scoredKernels(network, parameters)].map(([name, { length }], place) => [
      name,
      Float64Array.from({ length }, (_, entry) => normal2(seed, 'prune', place, entry)[0]),
    ]),
  );
