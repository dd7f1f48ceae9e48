import { type Uniforms, pick, uniforms } from '../random/uniforms.ts';
import { effectiveSampleSize, systematicResample, weightsOf } from './resampling.ts';
import { type Operations, type Scorer, type SearchOptions, type SearchResult, type SearchRound } from './search.ts';
import { checkCount, scoresOf } from './search.ts';

export interface ParticleFilterOptions<Candidate> extends SearchOptions {
  /** N_p. */
  readonly particles: number;
  /** T: rounds, the first of which is drawn. */
  readonly rounds: number;
  /** Beta: weights are proportional to score ** power. 1 is the plain reading and hardly selects; about 8 does. */
  readonly power: number;
  /** Probability that a candidate crosses its parent with another survivor, where operations can; 0 when absent. */
  readonly crossoverRate?: number;
  /** Candidates that stand in for the first ones drawn, for example the magnitude choice. */
  readonly initial?: readonly Candidate[];
}

/**
 * Evolutionary particle filter over candidates (strided.md 5.2): score, weigh, resample, perturb. That a particle filter
 * weighs masks by their networks' error is the paper's; this design of it, and all its numbers, are ours. Slot 0 keeps
 * the best candidate so far, unperturbed and with the score that it has, so a round costs `particles` - 1 evaluations.
 */
export async function particleFilter<Candidate>(
  operations: Operations<Candidate>,
  score: Scorer<Candidate>,
  options: ParticleFilterOptions<Candidate>,
): Promise<SearchResult<Candidate>> {
  const { seed, particles: count, rounds: total, power, crossoverRate = 0, initial = [], onRound, signal } = options;
  checkCount('the number of particles', count);
  checkCount('the number of rounds', total);
  const rounds: SearchRound[] = [];
  // One counter for each slot of each round; that of the elite slot, which draws nothing, resamples.
  const randomOf = (round: number, slot: number): Uniforms => uniforms(seed, 'search', round * count + slot);

  let parents: readonly (readonly number[])[] = Array.from({ length: count }, () => []);
  let candidates = parents.map((_, i) => initial[i] ?? operations.draw(i, randomOf(0, i)));
  let scores = await scoresOf(score, candidates, signal);
  for (;;) {
    const weights = weightsOf(scores, power);
    const best = Math.max(...scores);
    // The first of equals, so that the elite stays.
    const bestIndex = scores.indexOf(best);
    const round = {
      round: rounds.length,
      scores,
      weights,
      parents,
      best,
      bestIndex,
      effectiveSampleSize: effectiveSampleSize(weights),
    };
    rounds.push(round);
    onRound?.(round);
    const elite = candidates[bestIndex] as Candidate;
    if (rounds.length === total) {
      return { best: elite, score: best, rounds, evaluations: count + (total - 1) * (count - 1) };
    }

    const survivors = systematicResample(weights, randomOf(rounds.length, 0)());
    const before = candidates;
    const offspring = survivors.slice(1).map((parent, i) => {
      const random = randomOf(rounds.length, i + 1);
      const mates = operations.crossover && random() < crossoverRate;
      const other = mates ? (survivors[pick(random, count)] ?? parent) : parent;
      const [first, second] = [before[parent] as Candidate, before[other] as Candidate];
      const crossed = other === parent ? first : (operations.crossover?.(first, second, random) ?? first);
      return {
        candidate: operations.perturb(crossed, random),
        parents: other === parent ? [parent] : [parent, other],
      };
    });
    candidates = [elite, ...offspring.map(({ candidate }) => candidate)];
    parents = [[bestIndex], ...offspring.map((child) => child.parents)];
    scores = [best, ...(await scoresOf(score, candidates.slice(1), signal))];
  }
}
