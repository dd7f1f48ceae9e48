import { expect } from 'vitest';
import { cdp } from 'vitest/browser';
import { type Network, type Structure, denseStructure } from '../../src/core/network/index.ts';
import type { Trainer } from '../../src/engine/engine.ts';
import { openWebGpuEngine } from '../../src/engine/webgpu/index.ts';
import { hyperAt, openTrainer, randomStructure, realImages, stridedStructure, watch } from './harness.ts';

/** How much memory may differ that should be where it was. */
const TOLERANCE = 0.01;
/** A change may leave this many bytes of heap behind when all garbage is collected: compiled code and the like. */
const HEAP_BYTES_A_CHANGE = 1_024;

export interface Soak {
  readonly network: Network;
  readonly batchSize: number;
  readonly rounds: number;
  /** Every how many-th structure keeps some taps of its kernels only. */
  readonly strided?: number;
}

/**
 * Changes a trainer's structure many times, by `change`. On the way and afterwards there are as many buffers of as many
 * bytes as before (counted as the device makes and destroys them, whatever the trainer says), plans have as many bind
 * groups, the heap is as large, nothing was compiled since the first step, and the trainer gives everything back.
 *
 * Strided kernels can need more room than the dense network, and buffers keep what the hungriest structure has needed. So
 * with these the structures repeat, and a first cycle through all of them comes before what is compared.
 */
export async function soak(
  { network, batchSize, rounds, strided }: Soak,
  change: (trainer: Trainer, structure: Structure) => Promise<void>,
): Promise<void> {
  const engine = await openWebGpuEngine();
  const made = watch(engine.device.device);
  const trainer = await openTrainer(engine, network, await realImages(64), { batchSize });
  const dense = denseStructure(network);
  const cycle = Math.min(50, rounds);
  const structureOf = (round: number): Structure => {
    const seed = strided ? round % cycle : round;
    const structure = randomStructure(network, 0.3 + (seed % 7) / 10, seed);
    return strided && seed % strided === 0
      ? stridedStructure(network, 2 + (seed % 4), structure.channels, seed)
      : structure;
  };
  const denseAgain = async (): Promise<{ readonly groups: number; readonly heap: number }> => {
    const { bindGroups } = made();
    await trainer.restructure(dense);
    return { groups: made().bindGroups - bindGroups, heap: await heapBytes() };
  };

  await trainer.train(1, hyperAt);
  await engine.pipelines.settled();
  const { compiled } = made();
  for (let round = 0; round < cycle; round++) await change(trainer, structureOf(round));
  const before = { ...made(), ...(await denseAgain()), said: trainer.bytes };
  const most = { bytes: 0, buffers: 0 };
  for (let round = 0; round < rounds; round++) {
    await change(trainer, structureOf(round));
    const { bytes, buffers } = made();
    most.bytes = Math.max(most.bytes, bytes);
    most.buffers = Math.max(most.buffers, buffers);
  }
  const after = { ...made(), ...(await denseAgain()), said: trainer.bytes };
  expect(most.bytes / before.bytes - 1).toBeLessThan(TOLERANCE);
  expect(Math.abs(after.bytes / before.bytes - 1)).toBeLessThan(TOLERANCE);
  expect([most.buffers, after.buffers]).toEqual([before.buffers, before.buffers]);
  expect(after.compiled).toBe(compiled);
  expect(after.groups).toBe(before.groups);
  expect(Math.abs(after.said / before.said - 1)).toBeLessThan(TOLERANCE);
  expect(after.heap - before.heap).toBeLessThan(HEAP_BYTES_A_CHANGE * rounds);
  const { loss } = await trainer.train(1, hyperAt);
  expect(Number.isFinite(loss[0])).toBe(true);
  trainer.dispose();
  // The data set stays.
  expect(made().bytes).toBe(engine.openData({ train: 64, holdOut: 64, test: 64 }).bytes);
  engine.dispose();
}

/** Bytes of the page's heap once all garbage is collected. */
async function heapBytes(): Promise<number> {
  const session = cdp();
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize;
}
