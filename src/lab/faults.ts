import type { AdapterRecord } from '../core/events/events.ts';
import type { Spec } from '../core/spec/spec.ts';

/** What a run says and does when its device is lost or its memory runs out. */

/** Images in a batch before and after it was halved. */
export interface Halving {
  readonly from: number;
  readonly to: number;
}

/**
 * The spec with half the batch. At the beginning nothing else changes; in the middle of a run the number of its steps
 * stays, so that the learning rate and the scheme go on along the same plan.
 */
export function halvedBatch(spec: Spec, step: number, steps: number): Spec {
  const batchSize = Math.floor(spec.train.batchSize / 2);
  if (step === 0) return { ...spec, train: { ...spec.train, batchSize } };
  const { epochs: _, ...train } = spec.train;
  return { ...spec, train: { ...train, steps, batchSize } };
}

/** A run is resumed on another adapter than the one of its checkpoint. */
export const otherAdapterMessage = (before: AdapterRecord, now: AdapterRecord): string =>
  `This run was trained on another adapter (${adapterName(before)}; now ${adapterName(now)}): it goes on from the same parameters, but later bits may differ from those of a run that was never interrupted.`;

const adapterName = ({ backend, description, vendor, architecture }: AdapterRecord): string =>
  `${backend === 'webgpu' ? 'WebGPU' : 'TensorFlow.js'}, ${description || `${vendor} ${architecture}`.trim() || 'unnamed'}`;

const WHAT_TO_LOWER =
  'Lower the batch size (train.batchSize), the width of the model (model.width) or the number of images (data.train), or close other pages that use the GPU.';

export const batchHalvedMessage = (error: Error, { from, to }: Halving): string =>
  `${error.message} The batch is halved from ${from} to ${to} images, which changes the results: to compare runs, set train.batchSize to ${to} in all of them.`;

export const stillNoMemory = (error: Error, halving: Halving | null): string =>
  `${error.message}${halving ? ` The batch was halved from ${halving.from} to ${halving.to} images already.` : ''} ${WHAT_TO_LOWER}`;

export const recoveredMessage = (lost: string, from: number, back: number): string =>
  `${lost} The run goes on by itself on a new one, ${
    from === back
      ? 'where it was.'
      : back === 0
        ? 'from the beginning.'
        : `from the checkpoint of step ${back} (it had reached step ${from}).`
  }`;

export const noOtherDevice = (lost: string, why: string): string =>
  `${lost} No other one could be opened, so the run has stopped: ${why} Reloading the page often brings the device back.`;

export const tooManyLosses = (losses: number, step: number): string =>
  `The graphics device was lost ${losses} times in a row without getting past step ${step}. The run has stopped there. Close other pages that use the GPU or update the driver, reload the page, then start again.`;

export const sentenceOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
