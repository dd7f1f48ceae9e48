import type { Uniforms } from '../random/uniforms.ts';

/** What a search does to candidates; each uses only the random numbers that it is given, and never changes a candidate. */
export interface Operations<Candidate> {
  /** The candidate of a number, 0 upwards. */
  draw(index: number, random: Uniforms): Candidate;
  /** Process noise. */
  perturb(candidate: Candidate, random: Uniforms): Candidate;
  crossover?(first: Candidate, second: Candidate, random: Uniforms): Candidate;
}

/** Likelihoods of candidates in their order, for example accuracies from 0 to 1. The same candidate scores the same. */
export type Scorer<Candidate> = (candidates: readonly Candidate[]) => Promise<readonly number[]>;

/** One generation of candidates (of best-of-N: one batch). Plain JSON. */
export interface SearchRound {
  readonly round: number;
  readonly scores: readonly number[];
  /** Normalised; all equal in best-of-N, which does not weigh. */
  readonly weights: readonly number[];
  /** For each candidate its parents' indices in the round before: none when drawn, two after a crossover. */
  readonly parents: readonly (readonly number[])[];
  /** Highest score of this round and all before it, and its place in this round, or null when it is from an earlier one. */
  readonly best: number;
  readonly bestIndex: number | null;
  readonly effectiveSampleSize: number;
}

export interface SearchResult<Candidate> {
  readonly best: Candidate;
  readonly score: number;
  readonly rounds: readonly SearchRound[];
  /** How many candidates the scorer was given. */
  readonly evaluations: number;
}

export interface SearchOptions {
  readonly seed: number;
  /** After each round. */
  readonly onRound?: (round: SearchRound) => void;
  /** Rejects with the signal's reason between two batches. */
  readonly signal?: AbortSignal;
}

/** Scores, checked to be as many as the candidates and finite. */
export async function scoresOf<Candidate>(
  score: Scorer<Candidate>,
  candidates: readonly Candidate[],
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  signal?.throwIfAborted();
  const scores = candidates.length > 0 ? await score(candidates) : [];
  signal?.throwIfAborted();
  if (scores.length !== candidates.length) {
    throw new Error(`search: ${candidates.length} candidates got ${scores.length} scores`);
  }
  const wrong = scores.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw new Error(`search: a score must be a finite number, not ${wrong}`);
  return scores;
}

/** Throws a sentence unless a count is a whole number of at least 1. */
export function checkCount(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new Error(`search: ${name} must be a whole number of at least 1, not ${value}`);
  }
}
