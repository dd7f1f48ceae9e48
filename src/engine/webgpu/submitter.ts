import type { Pace } from '../engine.ts';
import { answered } from './deadline.ts';
import type { Dispatch } from './plan/recorder.ts';

/** Dispatches to run with one step uniform. */
export interface Work {
  readonly dispatches: readonly Dispatch[];
  /** Byte offset of the step's uniform. */
  readonly stepOffset: number;
}

/** Gives each compute pass its timestamps. */
export interface PassClock {
  next(): GPUComputePassDescriptor;
}

/**
 * How long one submit should keep the adapter busy, and how many may wait. A page on the same adapter draws its frames
 * between submits; without a page longer ones cost less.
 */
const PACES: Record<Pace, { readonly milliseconds: number; readonly inFlight: number }> = {
  smooth: { milliseconds: 12, inFlight: 1 },
  full: { milliseconds: 80, inFlight: 3 },
};
/** Share of a new measurement in the running estimate of the adapter's speed. */
const LEARNING = 0.3;

/**
 * Cuts work into submits of adaptive length: several steps in one on a fast adapter, a few dispatches on a slow one.
 * The length follows the measured speed and never changes results.
 */
export class Submitter {
  pace: Pace = 'full';
  /** Cost units that the adapter does in a millisecond, as measured so far; starts low so that the first submits are short. */
  #speed = 1e5;
  #lastDone = 0;

  constructor(
    readonly device: GPUDevice,
    readonly stepGroup: GPUBindGroup,
  ) {}

  /** Runs all work in order, timing its passes by `clock`; resolves when the last submit is done. */
  async run(work: readonly Work[], clock?: PassClock): Promise<void> {
    const waiting: Promise<void>[] = [];
    let encoder: GPUCommandEncoder | null = null;
    let pass: GPUComputePassEncoder | null = null;
    let cost = 0;
    const flush = async (): Promise<void> => {
      if (!encoder || !pass) return;
      pass.end();
      this.device.queue.submit([encoder.finish()]);
      waiting.push(this.#observe(cost));
      encoder = pass = null;
      cost = 0;
      const { inFlight } = PACES[this.pace];
      while (waiting.length >= inFlight) await waiting.shift();
    };
    for (const { dispatches, stepOffset } of work) {
      for (const dispatch of dispatches) {
        encoder ??= this.device.createCommandEncoder();
        pass ??= encoder.beginComputePass(clock?.next());
        pass.setPipeline(dispatch.pipeline);
        pass.setBindGroup(0, dispatch.group);
        if (dispatch.step) pass.setBindGroup(1, this.stepGroup, [stepOffset]);
        pass.dispatchWorkgroups(...dispatch.grid);
        cost += dispatch.cost;
        if (cost >= this.#speed * PACES[this.pace].milliseconds) await flush();
      }
    }
    await flush();
    await Promise.all(waiting);
  }

  async #observe(cost: number): Promise<void> {
    const submitted = performance.now();
    await answered(this.device, this.device.queue.onSubmittedWorkDone());
    const now = performance.now();
    const elapsed = now - Math.max(submitted, this.#lastDone);
    this.#lastDone = now;
    if (elapsed > 0.2) this.#speed += LEARNING * (cost / elapsed - this.#speed);
  }
}
