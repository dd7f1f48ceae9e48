import type { Latency, LatencyOptions } from '../engine.ts';

/** A sample lasts at least this long, because timers are coarse; and this many samples are taken. */
const SAMPLE_MILLISECONDS = 10;
const SAMPLES = 20;
const LONGEST_MILLISECONDS = 3_000;

/** Wall-clock milliseconds of one `pass` over a batch, which ends when its result has been read back. */
export async function measureLatency(
  batch: number,
  pass: () => Promise<unknown>,
  { samples: most = SAMPLES, longest = LONGEST_MILLISECONDS, onSample }: LatencyOptions = {},
): Promise<Latency> {
  const time = async (passes: number): Promise<number> => {
    const started = performance.now();
    for (let i = 0; i < passes; i++) await pass();
    return (performance.now() - started) / passes;
  };
  // The first pass compiles.
  await time(1);
  const passes = Math.max(1, Math.ceil(SAMPLE_MILLISECONDS / Math.max(await time(1), 0.01)));
  const samples: number[] = [];
  const started = performance.now();
  while (samples.length < most && (samples.length < 3 || performance.now() - started < longest)) {
    const sample = await time(passes);
    samples.push(sample);
    onSample?.(sample);
  }
  samples.sort((a, b) => a - b);
  const at = (share: number): number => samples[Math.min(samples.length - 1, Math.floor(share * samples.length))] ?? 0;
  return { batch, median: at(0.5), p95: at(0.95), n: samples.length };
}
