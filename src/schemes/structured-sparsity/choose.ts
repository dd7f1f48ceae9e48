import { random4 } from '../../core/random/random.ts';
import type { Exploration } from '../../core/scheme/scheme.ts';
import { type Scorer, type SearchResult, type SearchRound, bestOfN, particleFilter } from '../../core/search/index.ts';
import type { Choice, ChoiceReport } from '../../core/sparsity/index.ts';
import type { Space } from './spaces.ts';
import type { SearchSettings } from './stages.ts';

/** Candidates made and scored together: between two batches the progress is told. */
const BATCH = 16;

/** A seed of each stage's own. Its stream is apart from that of the searches. */
export const seedOf = (seed: number, stage: number): number => random4(seed, 'prune', stage, 0)[0];

export interface Chosen<Mask> {
  readonly mask: Mask;
  readonly report: ChoiceReport;
}

/**
 * Chooses a mask of a space, scored by accuracy on held-out training images (section 5.1, step 3: 1 - misclassification
 * rate without retraining). The magnitude mask is scored whatever chooses, and beside particles as many random masks as
 * they are where `compare` says so. Rejects when the exploration does; nothing has changed then.
 */
export async function choose<Mask>(
  how: Choice,
  space: Space<Mask>,
  settings: SearchSettings,
  explore: Exploration,
  seed: number,
): Promise<Chosen<Mask>> {
  const images = Math.min(settings.images, explore.images);
  const of = toScore(how, settings);
  const rounds: SearchRound[] = [];
  let done = 0;
  const tell = (): void => explore.progress({ what: 'masks scored', done, of, rounds: [...rounds] });
  const onRound = (round: SearchRound): void => {
    rounds.push(round);
    tell();
  };
  const score: Scorer<Mask> = async (masks) => {
    const scores: number[] = [];
    for (let at = 0; at < masks.length; at += BATCH) {
      const candidates = masks.slice(at, at + BATCH).map((mask) => space.candidate(mask));
      scores.push(...(await explore.accuracies(candidates, images)));
      done += candidates.length;
      tell();
    }
    return scores;
  };
  const randomly = (candidates: number, by = score): Promise<SearchResult<Mask>> =>
    bestOfN(space.operations, by, { seed, candidates, batch: BATCH });

  tell();
  const [magnitude = 0] = await score([space.magnitude]);
  const common = { choose: how, images, magnitude, bestOfN: null };
  if (how === 'magnitude') {
    return { mask: space.magnitude, report: { ...common, accuracy: magnitude, evaluations: 1, rounds: null } };
  }
  if (how !== 'particles') {
    const found = await randomly(how === 'random' ? 1 : settings.candidates);
    const { best: mask, score: accuracy, evaluations } = found;
    return { mask, report: { ...common, accuracy, evaluations, rounds: how === 'random' ? null : [asOne(found)] } };
  }
  const { particles, rounds: total, power, crossover, compare } = settings;
  const search = { seed, particles, rounds: total, power, crossoverRate: crossover, onRound };
  const { best: mask, score: accuracy, evaluations } = await particleFilter(space.operations, score, search);
  const report = { ...common, accuracy, evaluations, rounds };
  if (!compare) return { mask, report };
  // The particles that were drawn are the first of these masks, and score the same.
  const known = [...(rounds[0]?.scores ?? [])];
  const others = await randomly(evaluations, async (masks) => {
    const scores = known.splice(0, masks.length);
    return [...scores, ...(await score(masks.slice(scores.length)))];
  });
  return { mask, report: { ...report, bestOfN: { accuracy: others.score, evaluations } } };
}

/** Best-of-N as the one round that it is, in however many batches it was scored. */
function asOne({ rounds, score: best, evaluations }: SearchResult<unknown>): SearchRound {
  const scores = rounds.flatMap((round) => round.scores);
  const weights = scores.map(() => 1 / evaluations);
  const parents = scores.map(() => []);
  const bestIndex = scores.indexOf(best);
  return { round: 0, scores, weights, parents, best, bestIndex, effectiveSampleSize: evaluations };
}

/** Masks that will be scored, the magnitude mask among them. */
function toScore(how: Choice, { candidates, particles, rounds, compare }: SearchSettings): number {
  switch (how) {
    case 'magnitude':
      return 1;
    case 'random':
      return 2;
    case 'best':
      return 1 + candidates;
    case 'particles': {
      // The best of a round goes on with the score that it has.
      const later = (rounds - 1) * (particles - 1);
      return 1 + particles + later + (compare ? later : 0);
    }
  }
}
