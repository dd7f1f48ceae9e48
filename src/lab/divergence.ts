/** Cross-entropy of guessing among ten classes: where an untrained network starts, give or take its logits' size. */
const LOSS_OF_GUESSING = Math.log(10);
/** A loss this many times that of guessing is exploding ... */
const EXPLODING_FACTOR = 20;
/** ... when it lasts: a single bad batch recovers. */
const EXPLODING_STEPS = 5;

/**
 * Notices that training has diverged: a loss that is not finite, or one above 20 times the loss of guessing
 * (46 for ten classes) in 5 steps in a row.
 */
export class DivergenceWatch {
  /** Steps in a row with an exploding loss; part of a checkpoint, so that a resumed run stops at the same step. */
  streak: number;

  constructor(streak = 0) {
    this.streak = streak;
  }

  /** Looks at the next step's loss. Returns what is wrong with it, or null while training is sound. */
  observe(loss: number): string | null {
    if (!Number.isFinite(loss)) return 'the training loss is no longer a finite number';
    this.streak = loss > EXPLODING_FACTOR * LOSS_OF_GUESSING ? this.streak + 1 : 0;
    if (this.streak < EXPLODING_STEPS) return null;
    const times = Math.round(loss / LOSS_OF_GUESSING);
    return `the training loss has been exploding for ${EXPLODING_STEPS} steps: ${loss.toPrecision(3)} is ${times} times that of guessing`;
  }
}

/** The sentence of a `diverged` event. */
export const divergenceMessage = (step: number, what: string, learningRate: number): string =>
  `Training diverged at step ${step}: ${what}. Try half the learning rate (train.learningRate: ${learningRate / 2}).`;
