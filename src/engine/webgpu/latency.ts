import type { Latency, LatencyOptions } from '../engine.ts';
import { USAGE, readBuffer } from './buffers.ts';
import type { Dispatch } from './plan/recorder.ts';
import type { PassClock, Submitter } from './submitter.ts';

/** A sample lasts at least this long: Chromium quantises timestamps to 0.1 ms, and page timers are coarse too. */
const SAMPLE_MILLISECONDS = 10;
const SAMPLES = 20;
const LONGEST_MILLISECONDS = 3_000;
/** `GPUQuerySet`'s buffer usage, missing from Node's globals like the others. */
const QUERY_RESOLVE = 0x200;

/**
 * Milliseconds that one forward pass takes: on the adapter's own clock where it offers timestamps, else by wall clock
 * from submit to completion. Each sample repeats the pass until it lasts long enough to be measured.
 */
export async function measureLatency(
  device: GPUDevice,
  batch: number,
  submitter: Submitter,
  forward: readonly Dispatch[],
  stepOffset: number,
  { samples: most = SAMPLES, longest = LONGEST_MILLISECONDS, onSample }: LatencyOptions = {},
): Promise<Latency> {
  const clock = device.features.has('timestamp-query') ? new AdapterClock(device) : undefined;
  const time = async (passes: number): Promise<number> => {
    const started = performance.now();
    await submitter.run(
      Array.from({ length: passes }, () => ({ dispatches: forward, stepOffset })),
      clock,
    );
    const wall = performance.now() - started;
    return ((await clock?.milliseconds()) ?? wall) / passes;
  };
  try {
    await time(1);
    const first = await time(2);
    const passes = Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / Math.max(first, 0.01)));
    const samples: number[] = [];
    const started = performance.now();
    while (samples.length < most && (samples.length < 3 || performance.now() - started < longest)) {
      const sample = await time(passes);
      samples.push(sample);
      onSample?.(sample);
    }
    samples.sort((a, b) => a - b);
    const at = (share: number): number =>
      samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] ?? 0;
    return { batch, median: at(0.5), p95: at(0.95), n: samples.length };
  } finally {
    clock?.dispose();
  }
}

/** Passes that can be timed at once; a sample cut into more is timed by the wall clock. */
const MOST_PASSES = 512;

/** Timestamps around every compute pass of a sample. */
export class AdapterClock implements PassClock {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #passes = 0;

  constructor(readonly device: GPUDevice) {
    this.#queries = device.createQuerySet({ label: 'latency', type: 'timestamp', count: 2 * MOST_PASSES });
    this.#resolved = device.createBuffer({
      label: 'latency',
      size: 16 * MOST_PASSES,
      usage: QUERY_RESOLVE | USAGE.copySource,
    });
  }

  next(): GPUComputePassDescriptor {
    const at = this.#passes++;
    if (at >= MOST_PASSES) return {};
    return {
      timestampWrites: {
        querySet: this.#queries,
        beginningOfPassWriteIndex: 2 * at,
        endOfPassWriteIndex: 2 * at + 1,
      },
    };
  }

  /**
   * Time that the passes since the last call took together; null when there were too many, or when the adapter's clock
   * says nothing (some answer zeros).
   */
  async milliseconds(): Promise<number | null> {
    const passes = this.#passes;
    this.#passes = 0;
    if (passes === 0 || passes > MOST_PASSES) return null;
    const encoder = this.device.createCommandEncoder();
    encoder.resolveQuerySet(this.#queries, 0, 2 * passes, this.#resolved, 0);
    this.device.queue.submit([encoder.finish()]);
    const stamps = new BigUint64Array(await readBuffer(this.device, this.#resolved, 16 * passes));
    let sum = 0;
    for (let pass = 0; pass < passes; pass++) {
      sum += Number((stamps[2 * pass + 1] ?? 0n) - (stamps[2 * pass] ?? 0n)) / 1e6;
    }
    return sum > 0 ? sum : null;
  }

  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
