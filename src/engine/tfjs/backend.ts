import type * as Tf from '@tensorflow/tfjs';

export type Tfjs = typeof Tf;
export type TfjsBackend = 'webgpu' | 'webgl' | 'cpu';

/** A GPUDevice to share with our own kernels (engine/webgpu). */
export interface SharedDevice {
  readonly device: GPUDevice;
  readonly info: GPUAdapterInfo;
}

/**
 * Loads stock tfjs and makes a backend current. Without a wish: WebGL where there is one, else plain JavaScript (the
 * WebGPU backend is only taken on request: where it runs, so does our own engine). Throws a sentence.
 */
export async function loadTfjs(backend?: TfjsBackend, shared?: SharedDevice): Promise<Tfjs> {
  const tf = await import('@tensorflow/tfjs');
  if (backend === 'webgpu') await registerWebGpu(tf, shared);
  for (const candidate of backend ? [backend] : ['webgl', 'cpu']) {
    // setBackend answers false, or throws, where a backend cannot start.
    const works = await tf.setBackend(candidate).catch(() => false);
    if (works) {
      await tf.ready();
      return tf;
    }
  }
  throw new Error(`TensorFlow.js cannot start its ${backend ?? 'cpu'} backend here.`);
}

/**
 * Registers tfjs' WebGPU backend, where a device is given on that one, so that both use one device and queue. Small
 * tensors stay on the GPU too: forwarding them to the CPU would change both timing and rounding.
 */
async function registerWebGpu(tf: Tfjs, shared?: SharedDevice): Promise<void> {
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  if (!shared) return;
  tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(shared.device, shared.info), 3);
}
