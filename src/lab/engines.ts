import type { Engine } from '../engine/engine.ts';

export interface EngineWish {
  /** Without a wish: WebGPU where there is an adapter, else TensorFlow.js. */
  readonly backend?: 'webgpu' | 'tfjs';
  /** Finds what stands in for `navigator.gpu` (in Node: Dawn), or throws a sentence. */
  readonly gpu?: () => Promise<GPU>;
}

export interface OpenedEngine {
  readonly engine: Engine;
  /** Why the slower engine was taken, as a sentence. */
  readonly reason?: string;
}

/** Opens an engine. Throws a sentence when the one that was asked for, or none at all, can start. */
export async function openEngine({ backend, gpu }: EngineWish = {}): Promise<OpenedEngine> {
  if (backend === 'tfjs') return { engine: await openSlowEngine() };
  try {
    // Imported on demand: a page uses one engine and need not load the other.
    const { openWebGpuEngine } = await import('../engine/webgpu/index.ts');
    return { engine: await openWebGpuEngine(gpu ? { gpu: await gpu() } : {}) };
  } catch (error) {
    if (backend === 'webgpu') throw error;
    const why = error instanceof Error ? error.message : String(error);
    return { engine: await openSlowEngine(), reason: `${why} Training on the slower TensorFlow.js engine instead.` };
  }
}

async function openSlowEngine(): Promise<Engine> {
  const { openTfjsEngine } = await import('../engine/tfjs/index.ts');
  return openTfjsEngine();
}
