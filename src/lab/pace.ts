/** Wall time of one call to the engine: long enough to keep it busy, short enough that Pause is felt at once. */
const TARGET_MILLISECONDS = 200;
const MOST_STEPS = 1_024;

/**
 * How many steps to hand to the engine in the next call, from the last call's steps and wall time. Grows at most
 * fourfold at a time, since a first call also pays for what is compiled once.
 */
export function nextCallSteps(lastSteps: number, lastMilliseconds: number): number {
  const fitting = Math.round((lastSteps * TARGET_MILLISECONDS) / Math.max(lastMilliseconds, 0.1));
  return Math.max(1, Math.min(fitting, 4 * lastSteps, MOST_STEPS));
}

/** Training speed from calls to the engine: the median over steps, decisions and evaluations excluded. */
export class Throughput {
  readonly #calls: { readonly steps: number; readonly milliseconds: number }[] = [];

  /** Records a call of `steps` steps that took `milliseconds` a step. */
  record(steps: number, milliseconds: number): void {
    this.#calls.push({ steps, milliseconds });
  }

  /** Images a second of the median step; 0 before the first one. */
  imagesPerSecond(batchSize: number): number {
    const sorted = [...this.#calls].sort((a, b) => a.milliseconds - b.milliseconds);
    const half = sorted.reduce((sum, call) => sum + call.steps, 0) / 2;
    let seen = 0;
    const median = sorted.find((call) => (seen += call.steps) >= half);
    return median && median.milliseconds > 0 ? (batchSize * 1000) / median.milliseconds : 0;
  }
}

/**
 * Lets messages and timers through. An engine that computes on this thread (tfjs' CPU backend) gives none of them a turn
 * between two calls. A message rather than a timer, because browsers stretch nested timers to 4 ms.
 */
export const nextTask = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
