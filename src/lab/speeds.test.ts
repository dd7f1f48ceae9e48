import { afterEach, expect, test, vi } from 'vitest';
import type { Structure } from '../core/network/index.ts';
import type { Hyper, LatencyOptions, Trainer } from '../engine/engine.ts';
import { measureSpeeds } from './speeds.ts';

/** Steps and passes take what a made-up clock says, so that every result is known. */
let now = 0;
vi.spyOn(performance, 'now').mockImplementation(() => now);
afterEach(() => void (now = 0));

const SMALL: Structure = { channels: { conv1: [0] } };
const LARGE: Structure = { channels: { conv1: [0, 1] } };
const width = ({ channels }: Structure): number => channels['conv1']?.length ?? 0;
const CALL = 3;

/** A step takes 4 ms a channel, a pass 1 ms a channel and image; calls, and what follows a new structure, cost more. */
class TimedTrainer {
  readonly did: string[] = [];
  readonly hypers: Hyper[] = [];
  structure = LARGE;
  cold = 0;

  async restructure(structure: Structure): Promise<void> {
    this.structure = structure;
    this.cold = 500;
    this.did.push(`structure ${width(structure)}`);
  }

  async train(steps: number, hyperAt: (step: number) => Hyper) {
    now += this.cold + CALL + 4 * steps * width(this.structure);
    this.cold = 0;
    this.hypers.push(hyperAt(0));
    if (this.did.at(-1) !== 'train') this.did.push('train');
    return { firstStep: 0, loss: new Float32Array(steps), accuracy: new Float32Array(steps) };
  }

  async latency(batch: number, { samples = 20, onSample }: LatencyOptions = {}) {
    this.did.push(`latency ${batch}`);
    // One sample in eight is disturbed.
    for (let i = 0; i < samples; i++) onSample?.(batch * width(this.structure) * (i === 5 ? 10 : 1));
    return { batch, median: 0, p95: 0, n: samples };
  }
}

async function measured(structures: readonly Structure[], batches: readonly number[], batchSize: number | null) {
  const trainer = new TimedTrainer();
  const turns: number[] = [];
  const heard: (readonly [number, number])[] = [];
  const speeds = await measureSpeeds(
    structures.map((structure) => ({ trainer: trainer as unknown as Trainer, structure })),
    {
      batches,
      batchSize,
      turn: async (work) => {
        const began = now;
        const result = await work();
        turns.push(now - began);
        return result;
      },
      onProgress: (done, of) => heard.push([done, of]),
    },
  );
  return { trainer, speeds, turns, heard };
}

test('structures are timed by turns, each part in a turn of its own, and every part is told', async () => {
  const { trainer, turns, heard } = await measured([LARGE, SMALL], [1, 64], 10);
  const round = [2, 1].flatMap((channels) => [`structure ${channels}`, 'train', 'latency 1', 'latency 64']);
  const rounds = trainer.did.length / round.length;
  expect(rounds).toBeGreaterThanOrEqual(3);
  expect(trainer.did).toEqual(Array.from({ length: rounds }, () => round).flat());
  expect(turns).toHaveLength(trainer.did.length);
  expect(heard).toEqual(Array.from({ length: 6 * rounds }, (_, part) => [part + 1, 6 * rounds]));
});

test('steps change nothing, and neither a new structure nor what a call costs counts', async () => {
  const { trainer, speeds } = await measured([LARGE, SMALL], [], 10);
  for (const { learningRate, weightDecay } of trainer.hypers) expect(learningRate + weightDecay).toBe(0);
  const [large, small] = speeds.map(({ imagesPerSecond }) => imagesPerSecond ?? 0);
  // 10 images in 8 and in 4 ms; calls of several steps share what a call costs.
  expect(large).toBeGreaterThan(0.9 * (10_000 / 8));
  expect(large).toBeLessThan(10_000 / 8);
  expect(small).toBeGreaterThan(0.9 * (10_000 / 4));
  expect(small).toBeLessThan(10_000 / 4);
  for (const { steps } of speeds) expect(steps).toBeGreaterThan(20);
});

test('latencies are the median and 95th percentile of the samples of all rounds', async () => {
  const { speeds } = await measured([LARGE, SMALL], [1, 64], null);
  speeds.forEach(({ latencyMs, imagesPerSecond, steps }, index) => {
    const channels = 2 - index;
    expect(imagesPerSecond).toBeNull();
    expect(steps).toBe(0);
    expect(latencyMs.map(({ batch, median, p95 }) => [batch, median, p95])).toEqual([
      [1, channels, 10 * channels],
      [64, 64 * channels, 640 * channels],
    ]);
    for (const { n } of latencyMs) expect(n % 8).toBe(0);
  });
  expect(speeds[0]?.latencyMs[0]?.n).toBeGreaterThan(8);
});
