import { Submitter, type Work } from '../src/engine/webgpu/submitter.ts';

/** A training step as the engine recorded it, with what replays it. */
export interface RecordedStep {
  readonly submitter: Submitter;
  readonly work: Work;
}

/** Runs something that trains one step and returns the dispatches that it ran. */
export async function recordStep(train: () => Promise<unknown>): Promise<RecordedStep> {
  const { run } = Submitter.prototype;
  let recorded: RecordedStep | undefined;
  Submitter.prototype.run = function (work) {
    const [first] = work;
    if (first && first.dispatches.length > (recorded?.work.dispatches.length ?? 0)) {
      recorded = { submitter: this, work: first };
    }
    return run.call(this, work);
  };
  try {
    await train();
  } finally {
    Submitter.prototype.run = run;
  }
  if (!recorded) throw new Error('the engine ran no dispatches');
  return recorded;
}

type Dispatch = Work['dispatches'][number];

export interface ConvolutionPasses {
  readonly forward: readonly Dispatch[];
  readonly inputGradient: readonly Dispatch[];
  readonly kernelGradient: readonly Dispatch[];
}

/**
 * The dispatches of the costliest convolution, by pass. Which pass one belongs to follows from its place: before the
 * loss is forward; after it are the gradients, those of kernels being called so. What stands beside one and belongs to
 * it (transposing the kernel, summing parts) is included.
 */
export function convolutionPasses(dispatches: readonly Dispatch[]): ConvolutionPasses {
  const loss = dispatches.findIndex(({ label }) => label.includes('cross-entropy'));
  if (loss < 0) throw new Error('the recorded step has no loss');
  const ofKernel = ({ label }: Dispatch): boolean => label.includes('kernel-gradient');
  const all = dispatches.map((dispatch, index) => ({ dispatch, index }));
  const find = (fits: (dispatch: Dispatch, index: number) => boolean): Dispatch[] => {
    const candidates = all.filter(({ dispatch, index }) => dispatch.label.startsWith('conv') && fits(dispatch, index));
    const costliest = candidates.toSorted((a, b) => b.dispatch.cost - a.dispatch.cost)[0];
    if (!costliest) throw new Error('the recorded step lacks a pass of the convolution');
    const { dispatch, index } = costliest;
    const [before, after] = [dispatches[index - 1], dispatches[index + 1]];
    const transposes = before?.label.startsWith('transpose') === true && index > loss && !ofKernel(dispatch);
    const sums = after?.label.startsWith('sum-parts') === true && ofKernel(dispatch);
    return [...(transposes ? [before] : []), dispatch, ...(sums ? [after] : [])];
  };
  return {
    forward: find((_, index) => index < loss),
    kernelGradient: find((dispatch, index) => index > loss && ofKernel(dispatch)),
    inputGradient: find((dispatch, index) => index > loss && !ofKernel(dispatch)),
  };
}

/** Encodes dispatches of a recorded step. */
export function encode({ submitter, work }: RecordedStep, dispatches: readonly Dispatch[]): (pass: Pass) => void {
  return (pass) => {
    for (const dispatch of dispatches) {
      pass.setPipeline(dispatch.pipeline);
      pass.setBindGroup(0, dispatch.group);
      if (dispatch.step) pass.setBindGroup(1, submitter.stepGroup, [work.stepOffset]);
      pass.dispatchWorkgroups(...dispatch.grid);
    }
  };
}

type Pass = GPUComputePassEncoder;

/** Measures once more; milliseconds. */
export type Timer = () => Promise<number>;

/** Milliseconds of a timed piece of work that keep the adapter busy long enough for submitting to weigh nothing. */
const BUSY = 80;

/** A timer of what `encodeOnce` encodes, repeated in one pass as often as it takes. */
export async function timerOf(device: GPUDevice, encodeOnce: (pass: Pass) => void): Promise<Timer> {
  const time = async (repeats: number): Promise<number> => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    for (let i = 0; i < repeats; i++) encodeOnce(pass);
    pass.end();
    const commands = encoder.finish();
    const started = performance.now();
    device.queue.submit([commands]);
    await device.queue.onSubmittedWorkDone();
    return (performance.now() - started) / repeats;
  };
  await time(1);
  const repeats = Math.min(2_000, Math.max(3, Math.ceil(BUSY / (await time(3)))));
  return () => time(repeats);
}

/** Milliseconds of each of some timers in each of some rounds: taken in turns, so that a noisy machine weighs on all alike. */
export async function timesInTurns(timers: readonly Timer[], rounds: number): Promise<number[][]> {
  const times = timers.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, timer] of timers.entries()) times[index]?.push(await timer());
  }
  return times;
}

/** Best of some timings: for bounds, which nothing should make look lower than they are. */
export async function bestTime(timer: Timer): Promise<number> {
  const [times = []] = await timesInTurns([timer], 5);
  return Math.min(...times);
}
