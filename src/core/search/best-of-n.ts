import { uniforms } from '../random/uniforms.ts';
import { type Operations, type Scorer, type SearchOptions, type SearchResult, type SearchRound } from './search.ts';
import { checkCount, scoresOf } from './search.ts';

export interface BestOfNOptions extends SearchOptions {
  /** N_c: candidates to draw. The follow-up's guidance: 100 up to about 40 % kernel pruning, more above. */
  readonly candidates: number;
  /** Candidates to score at once; all when absent. Does not change what is found. */
  readonly batch?: number;
}

/**
 * The best of N random candidates, the first of equals (strided.md 5.1, the follow-up's). Candidate i depends on the seed
 * and i alone, so a larger N is never worse, and a particle filter of the same seed starts with the same candidates.
 */
export async function bestOfN<Candidate>(
  operations: Pick<Operations<Candidate>, 'draw'>,
  score: Scorer<Candidate>,
  { seed, candidates: count, batch = count, onRound, signal }: BestOfNOptions,
): Promise<SearchResult<Candidate>> {
  checkCount('the number of candidates', count);
  checkCount('the batch', batch);
  const rounds: SearchRound[] = [];
  let found: { best: Candidate; score: number } | undefined;
  for (let start = 0; start < count; start += batch) {
    const size = Math.min(batch, count - start);
    const candidates = Array.from({ length: size }, (_, i) =>
      operations.draw(start + i, uniforms(seed, 'search', start + i)),
    );
    const scores = await scoresOf(score, candidates, signal);
    let bestIndex: number | null = null;
    candidates.forEach((candidate, i) => {
      const value = scores[i] ?? 0;
      if (found && value <= found.score) return;
      found = { best: candidate, score: value };
      bestIndex = i;
    });
    const round = {
      round: rounds.length,
      scores,
      weights: scores.map(() => 1 / size),
      parents: scores.map(() => []),
      best: found?.score ?? 0,
      bestIndex,
      effectiveSampleSize: size,
    };
    rounds.push(round);
    onRound?.(round);
  }
  if (!found) throw new Error('search: nothing was scored');
  return { ...found, rounds, evaluations: count };
}
