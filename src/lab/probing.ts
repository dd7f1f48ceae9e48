import type { Candidate, Decision, Exploration, Scheme, SchemeRun } from '../core/scheme/scheme.ts';
import { stageOf } from '../core/events/testing.ts';
import type { Structure, Tensors } from '../core/network/index.ts';

/** For tests: a scheme that tries candidates out at steps 4 and 7, and takes the best. */

/** Held-out images that score a candidate. */
export const PROBED_IMAGES = 10;
/** Batches over which it has statistics computed anew. */
export const RECALIBRATED = 3;

/** What a test does in the middle of a decision, and has in force. */
export const probe: {
  during: ((explore: Exploration, structure: Structure) => Promise<void>) | null;
  /** Update rules in force from the start. */
  rules: SchemeRun['rules'] | null;
} = { during: null, rules: null };

/** Without channel `turn` of the second convolution, and with another first one: one in three writes nothing. */
export function candidatesFor(structure: Structure, kernel: Float32Array, turns: number): readonly Candidate[] {
  const { conv2 = [] } = structure.channels;
  return Array.from({ length: turns }, (_, turn): Candidate => {
    const channels = { ...structure.channels, conv2: conv2.filter((_channel, i) => i !== turn % conv2.length) };
    const write: Tensors = new Map([['conv1/kernel', kernel.map((value, i) => value * (1 + ((i + turn) % 5) / 10))]]);
    return turn % 3 === 2
      ? { structure: { ...structure, channels } }
      : { structure: { ...structure, channels }, write };
  });
}

export const probing: Scheme = {
  id: 'probing',
  title: 'Probing',
  paper: '',
  summary: '',
  budgets: [],
  options: [],
  start({ explore, read }) {
    let made = 0;
    return {
      dueAt: (step) => step === 4 || step === 7,
      async decide(step, structure): Promise<Decision> {
        const kernel = (await read(['conv1/kernel'])).get('conv1/kernel') ?? new Float32Array();
        const candidates = candidatesFor(structure, kernel, 6);
        explore.progress({ what: 'candidates', done: 0, of: 6 });
        await probe.during?.(explore, structure);
        const scores = await explore.accuracies(candidates, PROBED_IMAGES);
        explore.progress({ what: 'candidates', done: 6, of: 6, rounds: [roundOf(scores)] });
        const best = candidates[scores.indexOf(Math.max(...scores))] ?? { structure };
        made++;
        const stage = { ...stageOf(step, 'map').report, index: made, structure: best.structure };
        return { ...best, reasons: [], stage, recalibrate: RECALIBRATED };
      },
      ...(probe.rules ? { rules: probe.rules } : {}),
      state: () => ({ made }),
      restore: (state) => (made = (state as { made: number }).made),
    };
  },
};

const roundOf = (scores: readonly number[]) => ({
  round: 0,
  scores,
  weights: scores.map(() => 1 / scores.length),
  parents: scores.map(() => []),
  best: Math.max(...scores),
  bestIndex: 0,
  effectiveSampleSize: scores.length,
});
