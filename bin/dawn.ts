import { pollGently } from './polling.ts';

let gentle = false;

/**
 * Dawn's WebGPU for Node. Throws a sentence where the optional package `webgpu` is missing or does not run, and where
 * there is no adapter.
 */
export async function dawn(): Promise<GPU> {
  const gpu = await start();
  if (await gpu.requestAdapter()) return gpu;
  throw new Error(
    'WebGPU found no graphics adapter on this machine. Install its Vulkan driver, or Mesa for one without a GPU.',
  );
}

async function start(): Promise<GPU> {
  try {
    const { create, globals } = await import('webgpu');
    // The constants, such as GPUBufferUsage, that a browser has as globals.
    Object.assign(globalThis, globals);
    if (!gentle) pollGently();
    gentle = true;
    return create([]);
  } catch (error) {
    throw new Error(
      'WebGPU is not available here: the npm package webgpu is not installed or does not run on this system.',
      {
        cause: error,
      },
    );
  }
}
