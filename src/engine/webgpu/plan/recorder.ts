import type { Grid, Kernel } from '../kernel.ts';
import type { Pipelines } from '../pipelines.ts';

/** A recorded dispatch: everything prebuilt, so that encoding it is three calls. */
export interface Dispatch {
  readonly label: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly step: boolean;
  readonly grid: Grid;
  /** Relative cost, for cutting a plan into submits: multiply-adds, or vec4s moved where there are none. */
  readonly cost: number;
}

interface Entry {
  readonly kernel: Kernel;
  readonly buffers: readonly GPUBufferBinding[];
  readonly shape: readonly number[];
  readonly grid: Grid;
  readonly cost: number;
}

const UNIFORM_ALIGNMENT = 256;

/** Collects dispatches, then writes all their shapes into one uniform buffer and builds their bind groups. */
export class Recorder {
  readonly #entries: Entry[] = [];

  record<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    buffers: Readonly<Record<Buffer, GPUBufferBinding>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
    cost: number,
  ): void {
    const names = Object.keys(kernel.buffers).filter((name): name is Buffer => name in kernel.buffers);
    this.#entries.push({
      kernel,
      buffers: names.map((name) => buffers[name]),
      shape: kernel.shape.map((field) => shape[field]),
      grid,
      cost,
    });
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Builds the dispatches. `uniforms` is grown when too small and returned for the next build. */
  build(pipelines: Pipelines, uniforms?: GPUBuffer): { dispatches: Dispatch[]; uniforms: GPUBuffer } {
    const { device } = pipelines;
    const words = UNIFORM_ALIGNMENT / 4;
    const values = new Uint32Array(Math.max(1, this.#entries.length) * words);
    this.#entries.forEach((entry, index) => values.set(entry.shape, index * words));
    let buffer = uniforms;
    if (!buffer || buffer.size < values.byteLength) {
      buffer?.destroy();
      buffer = device.createBuffer({ label: 'shapes', size: values.byteLength, usage: 0x40 | 0x8 });
    }
    device.queue.writeBuffer(buffer, 0, values);
    const shapes = buffer;
    const dispatches = this.#entries.map((entry, index): Dispatch => {
      const { pipeline, layout } = pipelines.get(entry.kernel);
      const uniform = {
        buffer: shapes,
        offset: index * UNIFORM_ALIGNMENT,
        size: Math.ceil(entry.shape.length / 4) * 16,
      };
      const group = device.createBindGroup({
        layout,
        entries: [...entry.buffers, uniform].map((resource, binding) => ({ binding, resource })),
      });
      return {
        label: entry.kernel.label,
        pipeline,
        group,
        step: entry.kernel.step,
        grid: entry.grid,
        cost: entry.cost,
      };
    });
    return { dispatches, uniforms: shapes };
  }
}
