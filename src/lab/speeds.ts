import type { Structure } from '../core/network/index.ts';
import type { Speed } from '../core/questions/questions.ts';
import type { Latency, Trainer } from '../engine/engine.ts';

/** Each structure gets its turn this often, so that a machine that slows down or speeds up meanwhile does so for all. */
const ROUNDS = 4;
/** Training steps are timed for this long in each round, at least two of them. */
const ROUND_MILLISECONDS = 250;
const LEAST_STEPS = 2;
/** A call takes at least this long, unless it has the most steps. */
const CALL_MILLISECONDS = 50;
const MOST_STEPS = 64;

/** Takes steps that change nothing: what is measured must not depend on what is learnt. */
const STILL = { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 };

export interface Measuring {
  readonly structures: readonly Structure[];
  /** Batch sizes of inference. */
  readonly batches: readonly number[];
  /** Images in a training step. */
  readonly batchSize: number;
  /** Does work in a turn of its own. */
  readonly turn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly onProgress?: ((done: number, of: number) => void) | undefined;
}

/**
 * Times one trainer in several structures by turns: steps of training (forward, backward, update), then inference. A
 * round's first step pays for the change of structure and is not counted.
 */
export async function measureSpeeds(trainer: Trainer, measuring: Measuring): Promise<readonly Speed[]> {
  const { structures, batches, batchSize, turn, onProgress } = measuring;
  const of = ROUNDS * structures.length;
  const steps = structures.map((): number[] => []);
  const latencies = structures.map(() => new Map<number, Latency>());
  let done = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, structure] of structures.entries()) {
      await turn(async () => {
        await trainer.restructure(structure);
        await trainer.train(1, () => STILL);
        await timeSteps(trainer, steps[i] ?? []);
        if (round < ROUNDS - 1) return;
        for (const batch of batches) latencies[i]?.set(batch, await trainer.latency(batch));
      });
      onProgress?.(++done, of);
    }
  }
  return structures.map((_, i) => {
    const times = [...(steps[i] ?? [])].sort((a, b) => a - b);
    const median = times[Math.floor(times.length / 2)] ?? 0;
    return {
      latencyMs: [...(latencies[i]?.values() ?? [])].map(({ batch, median: middle, p95, n }) => ({
        batch,
        median: middle,
        p95,
        n,
      })),
      imagesPerSecond: median > 0 ? (batchSize * 1_000) / median : 0,
      steps: times.length,
    };
  });
}

/** Times calls of several steps each: what a call itself costs must not count where steps are short. */
async function timeSteps(trainer: Trainer, times: number[]): Promise<void> {
  const began = performance.now();
  let count = 1;
  for (let made = 0; made < LEAST_STEPS || performance.now() - began < ROUND_MILLISECONDS; made += count) {
    const before = performance.now();
    await trainer.train(count, () => STILL);
    const elapsed = performance.now() - before;
    for (let step = 0; step < count; step++) times.push(elapsed / count);
    if (elapsed < CALL_MILLISECONDS) count = Math.min(2 * count, MOST_STEPS);
  }
}
