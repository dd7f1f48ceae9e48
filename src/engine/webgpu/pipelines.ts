import { type Kernel, STEP_BYTES } from './kernel.ts';

/** A compiled kernel. `layout` is bind group 0; a kernel that reads the step uniform has bind group 1 as well. */
export interface Pipeline {
  readonly kernel: Kernel;
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** Compiles each kernel once per device and keeps it. */
export class Pipelines {
  readonly #compiled = new Map<string, Pipeline>();
  readonly #pending = new Map<string, Promise<void>>();
  /** Bind group 1: the step uniform at a dynamic offset. */
  readonly stepLayout: GPUBindGroupLayout;

  constructor(readonly device: GPUDevice) {
    this.stepLayout = device.createBindGroupLayout({
      label: 'step',
      entries: [
        {
          binding: 0,
          visibility: 4,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: STEP_BYTES },
        },
      ],
    });
  }

  /** Compiles what is not compiled yet, side by side. Rejects with the kernel's name and the compiler's message. */
  async prepare(kernels: readonly Kernel[]): Promise<void> {
    await Promise.all(
      kernels.map((kernel) => {
        const pending = this.#pending.get(kernel.label) ?? this.#compile(kernel);
        this.#pending.set(kernel.label, pending);
        return pending;
      }),
    );
  }

  /** Resolves when nothing is being compiled, in the background neither. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#pending.values());
  }

  /** A kernel that was prepared. Throws when it was not: a step never compiles. */
  get(kernel: Kernel): Pipeline {
    const compiled = this.#compiled.get(kernel.label);
    if (!compiled) throw new Error(`kernel "${kernel.label}" was not prepared`);
    return compiled;
  }

  async #compile(kernel: Kernel): Promise<void> {
    const { device } = this;
    const storage = Object.values<readonly ['read' | 'write', string]>(kernel.buffers).map(
      ([use]): GPUBufferBindingLayout => ({ type: use === 'read' ? 'read-only-storage' : 'storage' }),
    );
    const buffers: GPUBufferBindingLayout[] = [...storage, { type: 'uniform' }];
    const layout = device.createBindGroupLayout({
      label: kernel.label,
      entries: buffers.map((buffer, binding) => ({ binding, visibility: 4, buffer })),
    });
    const module = device.createShaderModule({ label: kernel.label, code: kernel.wgsl });
    try {
      const pipeline = await device.createComputePipelineAsync({
        label: kernel.label,
        layout: device.createPipelineLayout({
          bindGroupLayouts: kernel.step ? [layout, this.stepLayout] : [layout],
        }),
        compute: { module, entryPoint: 'main' },
      });
      this.#compiled.set(kernel.label, { kernel, pipeline, layout });
    } catch (error) {
      const { messages } = await module.getCompilationInfo();
      const details = messages.map((message) => `line ${message.lineNum}: ${message.message}`).join('; ');
      throw new Error(`kernel "${kernel.label}" does not compile on this adapter: ${details || String(error)}`, {
        cause: error,
      });
    }
  }
}
