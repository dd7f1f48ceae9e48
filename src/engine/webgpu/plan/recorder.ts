import type { StorageType } from '../../engine.ts';
import { USAGE } from '../buffers.ts';
import { type Grid, type Kernel, storing } from '../kernel.ts';
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

/** A table recorded with the plan: bound when the plan is built. */
export interface TableBinding {
  readonly table: number;
}

export type Binding = GPUBufferBinding | TableBinding;

interface Entry {
  readonly kernel: Kernel;
  readonly buffers: readonly Binding[];
  readonly shape: readonly number[];
  readonly grid: Grid;
  readonly cost: number;
}

const ALIGNMENT = 256;

/** What a plan's shapes and tables lie in: grown when too small, kept from plan to plan. */
export interface PlanStorage {
  readonly uniforms: GPUBuffer;
  readonly tables: GPUBuffer;
}

/** Collects dispatches, then writes all their shapes and tables into two buffers and builds their bind groups. */
export class Recorder {
  readonly #entries: Entry[] = [];
  readonly #tables: (Int32Array | Uint32Array)[] = [];

  /** `storage`: of the activations that dispatches are bound to. */
  constructor(readonly storage: StorageType = 'f32') {}

  /** Records a constant table that dispatches can bind. */
  table(values: Int32Array | Uint32Array): TableBinding {
    this.#tables.push(values);
    return { table: this.#tables.length - 1 };
  }

  record<Buffer extends string, Field extends string>(
    kernel: Kernel<Buffer, Field>,
    buffers: Readonly<Record<Buffer, Binding>>,
    shape: Readonly<Record<Field, number>>,
    grid: Grid,
    cost: number,
  ): void {
    const names = Object.keys(kernel.buffers).filter((name): name is Buffer => name in kernel.buffers);
    this.#entries.push({
      kernel: storing(kernel, this.storage),
      buffers: names.map((name) => buffers[name]),
      shape: kernel.shape.map((field) => shape[field]),
      grid,
      cost,
    });
  }

  get length(): number {
    return this.#entries.length;
  }

  /** Kernels that have to be prepared before building. */
  get kernels(): readonly Kernel[] {
    return [...new Set(this.#entries.map(({ kernel }) => kernel))];
  }

  /** Builds the dispatches. Storage is made (or grown) as needed and returned for the next build. */
  build(pipelines: Pipelines, storage?: PlanStorage): { dispatches: Dispatch[]; storage: PlanStorage } {
    const { device } = pipelines;
    const words = ALIGNMENT / 4;
    const shapes = new Uint32Array(Math.max(1, this.#entries.length) * words);
    this.#entries.forEach((entry, index) => shapes.set(entry.shape, index * words));

    const offsets: number[] = [];
    let end = 0;
    for (const table of this.#tables) {
      offsets.push(end);
      end += Math.ceil(table.length / words) * words;
    }
    const tables = new Uint32Array(Math.max(words, end));
    this.#tables.forEach((table, index) => tables.set(new Uint32Array(table), offsets[index]));

    const uniforms = fitted(device, storage?.uniforms, 'shapes', shapes.byteLength, USAGE.uniform);
    const tableBuffer = fitted(device, storage?.tables, 'tables', tables.byteLength, USAGE.storage);
    device.queue.writeBuffer(uniforms, 0, shapes);
    device.queue.writeBuffer(tableBuffer, 0, tables);
    const resolve = (binding: Binding): GPUBufferBinding =>
      'table' in binding
        ? {
            buffer: tableBuffer,
            offset: (offsets[binding.table] ?? 0) * 4,
            size: Math.max(4, this.#tables[binding.table]?.byteLength ?? 4),
          }
        : binding;

    const dispatches = this.#entries.map((entry, index): Dispatch => {
      const { pipeline, layout } = pipelines.get(entry.kernel);
      const uniform = { buffer: uniforms, offset: index * ALIGNMENT, size: Math.ceil(entry.shape.length / 4) * 16 };
      const group = device.createBindGroup({
        layout,
        entries: [...entry.buffers.map(resolve), uniform].map((resource, binding) => ({ binding, resource })),
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
    return { dispatches, storage: { uniforms, tables: tableBuffer } };
  }
}

/** The buffer itself when it is large enough, else a new one in its place. */
function fitted(
  device: GPUDevice,
  buffer: GPUBuffer | undefined,
  label: string,
  bytes: number,
  usage: number,
): GPUBuffer {
  if (buffer && buffer.size >= bytes) return buffer;
  buffer?.destroy();
  return device.createBuffer({ label, size: bytes, usage: usage | USAGE.copyTarget });
}
