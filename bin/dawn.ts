/** Dawn's WebGPU for Node. Throws a sentence where the optional package `webgpu` is missing or does not run. */
export async function dawn(): Promise<GPU> {
  try {
    const { create, globals } = await import('webgpu');
    // The constants, such as GPUBufferUsage, that a browser has as globals.
    Object.assign(globalThis, globals);
    return create([]);
  } catch (error) {
    throw new Error(
      'WebGPU is not available here: the optional npm package webgpu is not installed or does not run on this system.',
      {
        cause: error,
      },
    );
  }
}
