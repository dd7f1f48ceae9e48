import type { LatencyRecord } from '../core/events/events.ts';
import type { Structure } from '../core/network/index.ts';
import type { Speed } from '../core/questions/questions.ts';
import type { Trainer } from '../engine/engine.ts';

/** Each subject gets its turn this often, so that a machine that slows down or speeds up meanwhile does so for all. */
const ROUNDS = 4;
/** Training steps are timed for this long in each round, at least two of them. */
const ROUND_MILLISECONDS = 250;
const LEAST_STEPS = 2;
/** A call takes at least this long, unless it has the most steps. */
const CALL_MILLISECONDS = 50;
const MOST_STEPS = 64;
/** Samples of each latency in a round: at least three, and no more once these milliseconds are over. */
const LATENCY = { samples: 8, longest: 400 };

/** Takes steps that change nothing: what is measured must not depend on what is learnt. */
const STILL = { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 };

/** What is timed: a trainer, in a structure of its network. */
export interface Subject {
  readonly trainer: Trainer;
  readonly structure: Structure;
}

export interface Measuring {
  /** Batch sizes of inference. */
  readonly batches: readonly number[];
  /** Images in a training step; null: steps are not timed. */
  readonly batchSize: number | null;
  /** Does work in a turn of its own: what is timed without a pause. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/**
 * Times subjects by turns: steps of training (forward, backward, update), then inference of each batch size. What comes
 * first after a change of structure pays for that change and is not counted; medians and 95th percentiles are those of
 * the samples of all rounds together.
 */
export async function measureSpeeds(subjects: readonly Subject[], measuring: Measuring): Promise<readonly Speed[]> {
  const { batches, batchSize, turn, onProgress } = measuring;
  const timings = subjects.map(() => new Timings());
  const of = ROUNDS * subjects.length * (batches.length + (batchSize === null ? 0 : 1));
  let done = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { trainer, structure }] of subjects.entries()) {
      const timing = timings[i];
      if (!timing) continue;
      await turn(() => trainer.restructure(structure));
      if (batchSize !== null) {
        await turn(() => timing.timeSteps(trainer));
        onProgress?.(++done, of);
      }
      for (const batch of batches) {
        await turn(() => timing.timeInference(trainer, batch));
        onProgress?.(++done, of);
      }
    }
  }
  return timings.map((timing) => timing.speed(batches, batchSize));
}

/** What was timed of one subject. */
class Timings {
  /** Milliseconds of each step. */
  readonly #steps: number[] = [];
  /** Milliseconds of a batch, by its size. */
  readonly #passes = new Map<number, number[]>();
  /** Steps of the next call: what a call itself costs must not count where steps are short. */
  #count = 1;

  async timeSteps(trainer: Trainer): Promise<void> {
    await trainer.train(1, () => STILL);
    const began = performance.now();
    for (let made = 0; made < LEAST_STEPS || performance.now() - began < ROUND_MILLISECONDS;) {
      const count = this.#count;
      const before = performance.now();
      await trainer.train(count, () => STILL);
      const elapsed = performance.now() - before;
      for (let step = 0; step < count; step++) this.#steps.push(elapsed / count);
      made += count;
      if (elapsed < CALL_MILLISECONDS) this.#count = Math.min(2 * count, MOST_STEPS);
    }
  }

  async timeInference(trainer: Trainer, batch: number): Promise<void> {
    const samples = this.#passes.get(batch) ?? [];
    this.#passes.set(batch, samples);
    // The engine warms up before the first sample.
    await trainer.latency(batch, { ...LATENCY, onSample: (milliseconds) => samples.push(milliseconds) });
  }

  speed(batches: readonly number[], batchSize: number | null): Speed {
    const step = quantile(this.#steps, 0.5);
    return {
      latencyMs: batches.map((batch): LatencyRecord => {
        const samples = this.#passes.get(batch) ?? [];
        return { batch, median: quantile(samples, 0.5), p95: quantile(samples, 0.95), n: samples.length };
      }),
      imagesPerSecond: batchSize !== null && step > 0 ? (batchSize * 1_000) / step : null,
      steps: this.#steps.length,
    };
  }
}

/** The value that this share of the values lie below; 0 without values. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}
