import type { Augment, Hyper } from '../engine.ts';
import { STEP_BYTES } from './kernel.ts';
import { USAGE } from './buffers.ts';
import type { Pipelines } from './pipelines.ts';

/** Steps (or evaluation batches) whose uniforms, indices and metrics are on the GPU at once. */
export const SLOTS = 64;
const SLOT_BYTES = 256;

export interface StepValues {
  readonly seed: number;
  readonly step: number;
  /** Images of the batch that exist. */
  readonly count: number;
  readonly hyper: Hyper;
  readonly labelSmoothing: number;
  /** Share of the running statistics that stays; 1 leaves them untouched. */
  readonly runningKeep: number;
  readonly augment: Augment;
  /** The loss sees logits divided by this. */
  readonly logitDivisor: number;
  /** The loss is the sum of the logits, not the cross-entropy. */
  readonly sumOfLogits: boolean;
  /** A power of two: gradients on the way back are this many times what they are, and the update divides by it. */
  readonly lossScale: number;
}

/** No update, no augmentation, the usual loss: what evaluation runs with. */
export const RESTING: Omit<StepValues, 'count'> = {
  seed: 0,
  step: 0,
  hyper: { learningRate: 0, momentum: 0, nesterov: false, weightDecay: 0 },
  labelSmoothing: 0,
  runningKeep: 1,
  augment: { crop: false, flip: false },
  logitDivisor: 1,
  sumOfLogits: false,
  lossScale: 1,
};

/** The ring of step uniforms, bound at a dynamic offset. */
export class StepUniforms {
  readonly #buffer: GPUBuffer;
  readonly group: GPUBindGroup;

  constructor(readonly pipelines: Pipelines) {
    const { device, stepLayout } = pipelines;
    this.#buffer = device.createBuffer({
      label: 'steps',
      size: SLOTS * SLOT_BYTES,
      usage: USAGE.uniform | USAGE.copyTarget,
    });
    this.group = device.createBindGroup({
      layout: stepLayout,
      entries: [{ binding: 0, resource: { buffer: this.#buffer, size: STEP_BYTES } }],
    });
  }

  /** Writes a slot; returns its dynamic offset. */
  write(slot: number, values: StepValues): number {
    const view = new DataView(new ArrayBuffer(STEP_BYTES));
    const { hyper, augment } = values;
    [values.seed, values.step, slot, values.count].forEach((value, i) => view.setUint32(i * 4, value, true));
    const floats = [
      hyper.learningRate,
      hyper.momentum,
      Number(hyper.nesterov),
      hyper.weightDecay,
      values.labelSmoothing,
      values.runningKeep,
    ];
    floats.forEach((value, i) => view.setFloat32(16 + i * 4, value, true));
    view.setUint32(40, Number(augment.crop), true);
    view.setUint32(44, Number(augment.flip), true);
    view.setFloat32(48, 1 / values.logitDivisor, true);
    view.setUint32(52, Number(values.sumOfLogits), true);
    view.setFloat32(56, values.lossScale, true);
    view.setFloat32(60, 1 / values.lossScale, true);
    this.pipelines.device.queue.writeBuffer(this.#buffer, slot * SLOT_BYTES, view.buffer);
    return slot * SLOT_BYTES;
  }

  dispose(): void {
    this.#buffer.destroy();
  }
}
