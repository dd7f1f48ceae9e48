import type { RunCheckpoint } from './checkpoint.ts';

const MOST = 48;
const MOST_BYTES = 128e6;

/**
 * Checkpoints of a run kept in memory to fork from. When they are too many or too large, every other one goes, the
 * first and the last excepted, so that what stays covers the whole run.
 */
export class Snapshots {
  #kept: readonly RunCheckpoint[] = [];

  /** Steps that can be forked from, ascending. */
  get steps(): readonly number[] {
    return this.#kept.map(({ trainer }) => trainer.step);
  }

  at(step: number): RunCheckpoint | undefined {
    return this.#kept.find(({ trainer }) => trainer.step === step);
  }

  /** Keeps a checkpoint, in place of any of its step. */
  keep(checkpoint: RunCheckpoint): void {
    const { step } = checkpoint.trainer;
    const others = this.#kept.filter(({ trainer }) => trainer.step !== step);
    this.#kept = [...others, checkpoint].sort((a, b) => a.trainer.step - b.trainer.step);
    while (this.#kept.length > 2 && (this.#kept.length > MOST || this.#bytes > MOST_BYTES)) {
      this.#kept = this.#kept.filter((_, i) => i % 2 === 0 || i === this.#kept.length - 1);
    }
  }

  /** Forgets what lies after a step that the run went back to. */
  forgetAfter(step: number): void {
    this.#kept = this.#kept.filter(({ trainer }) => trainer.step <= step);
  }

  get #bytes(): number {
    return this.#kept.reduce((sum, { trainer }) => sum + bytesOf(trainer.parameters) + bytesOf(trainer.momentum), 0);
  }
}

const bytesOf = (tensors: ReadonlyMap<string, Float32Array>): number =>
  [...tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
